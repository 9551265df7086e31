//! What people write down, compiled to what the guard asks.
