//! Content codings (RFC 9110, section 8.4.1), decoded incrementally and within bounds.
