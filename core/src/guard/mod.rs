//! The flow: one exchange from its first byte to its record.
