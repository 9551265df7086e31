//! The native module of the Python package `wardline`: the engine, mapped to Python's types and nothing more.
//!
//! Whatever decides, masks or records lives in the crate `wardline`; the doors that use this module are
//! `wardline/asgi.py`, `wsgi.py` and their like. [`border`] is the one place that lets go of the interpreter and maps errors.

mod border;
mod detect;
mod detector;
mod exchange;
mod guard;
mod headers;
mod identity;
mod said;
mod terms;
mod wake;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _wardline {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::detect::detect;
    #[pymodule_export]
    use super::exchange::Exchange;
    #[pymodule_export]
    use super::guard::{Guard, flush_all};
    #[pymodule_export]
    use super::identity::Identity;
    #[pymodule_export]
    use super::run_command;
    #[pymodule_export]
    use super::said::Said;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        // A process that ends in order loses no record.
        let py = module.py();
        py.import("atexit")?.call_method1("register", (module.getattr("flush_all")?,))?;
        Ok(())
    }
}

/// Runs the `wardline` command with these arguments, the program's name first; answers its exit code.
#[pyfunction]
fn run_command(py: Python<'_>, args: Vec<std::ffi::OsString>) -> u8 {
    border::passing(py, usize::MAX, || wardline_cli::run(args, &mut wardline_cli::Streams::of_process()))
}
