//! On macOS a module's symbols are those of the interpreter that loads it: the linker has to be told so.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
}
