//! Wardline for Node: the guard as a native module.
//!
//! A thin map and nothing else: `js/` holds the doors, `core/` everything that decides. Bodies cross the border as
//! views of Node's own memory, steps and flows as small numbers, heads as one text each, because every value that is
//! made for JavaScript costs more than what the guard does with a small body.
//!
//! ```text
//! const exchange = guard.begin('POST', '/v1/embeddings', 'localhost', heads, 4, '127.0.0.1', null)
//! exchange.step()            // NEED_BODY | EFFECT | ANSWER | FORWARD ...
//! ```

pub mod command;
mod errors;
pub mod exchange;
pub mod guard;
mod heads;
mod wait;
