//! What a request does: a subject becomes acts.
