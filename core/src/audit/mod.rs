//! What happened, in a log that anyone can verify.
