//! JSON read as bytes arrive: events with half-open byte spans and the current path.
