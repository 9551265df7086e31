//! Where personal data and secrets stand in a text.
