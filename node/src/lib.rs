//! Wardline for Node: the guard as a native module.
//!
//! A thin map and nothing else: `js/` holds the doors, `core/` everything that decides. Bodies cross the border as
//! views of Node's own memory or as text, exchanges, steps and flows as small numbers, heads as one text each, because
//! every object that is made for JavaScript costs more than what the guard does with a small body.
//!
//! ```text
//! const begun = begin(guard, 'POST\n/v1/embeddings\n127.0.0.1\nhost\nlocalhost', 2, null)
//! begun & 7                  // NEED_BODY | EFFECT | ANSWER | FORWARD ...
//! begun >>> 10               // the number of the exchange
//! ```

pub mod command;
pub mod door;
mod errors;
mod exchange;
pub mod guard;
mod heads;
mod text;
mod wait;
