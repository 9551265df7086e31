//! What no single exchange can show.
