//! One module a command.

pub(crate) mod approval;
pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod classify;
pub(crate) mod completions;
#[cfg(feature = "console")]
pub(crate) mod console;
pub(crate) mod detect;
pub(crate) mod edges;
pub(crate) mod explain;
pub(crate) mod grant;
pub(crate) mod hop_key;
pub(crate) mod init;
pub(crate) mod mask;
pub(crate) mod suggest;
pub(crate) mod test;
pub(crate) mod unmask;
mod watch;
