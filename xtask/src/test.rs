//! `cargo xtask test`: everything is built and every test runs, in one target folder and one profile.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use crate::run::{Outcome, cargo, command, root, step, target};
use crate::tools;

pub(crate) fn run() -> Outcome {
    tools::require()?;
    tools::postgres()?;
    tools::chromium()?;
    versions_agree()?;
    // What comes over the network is fetched while the compiler works.
    let fetched = thread::spawn(|| tools::python().and_then(|()| tools::node()));
    cargo(&["fmt", "--all", "--check"], &[])?;
    cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"], &[])?;
    cargo(&["build", "--workspace", "--bins", "--lib"], &[])?;
    cargo(&["test", "--workspace", "--quiet"], &[])?;
    fetched.join().map_err(|_| "the installation of test packages panicked".to_owned())??;
    modules()?;
    let python = tools::venv_bin("python");
    step("pytest", command(&python, "python").args(["-m", "pytest", "-q", "tests"]))?;
    step("node --test", command("npm", "node").args(["test", "--silent"]))?;
    step("the console in Chromium", command("npm", "cli/tests/console").args(["test", "--silent"]))?;
    println!("\nxtask: all tests passed");
    Ok(())
}

/// Asks every server door the behaviours of `core/tests/data/behaviours.tsv`.
pub(crate) fn conformance() -> Outcome {
    tools::require()?;
    tools::python()?;
    tools::node()?;
    cargo(&["build", "--workspace", "--exclude", "wardline-benches", "--bins", "--lib", "--examples"], &[])?;
    modules()?;
    let python = tools::venv_bin("python");
    step("conformance", command(&python, "python").args(["-m", "pytest", "-q", "tests/test_conformance.py"]))
}

/// Puts the built libraries where Python and Node look for them.
pub(crate) fn modules() -> Outcome {
    let built = target().join("debug");
    place(&built.join("lib_wardline.so"), &root().join("python/wardline/_wardline.abi3.so"))?;
    place(&built.join("libwardline_node.so"), &root().join("node/wardline_node.node"))
}

/// A copy that appears whole: a module that a running process has loaded keeps its own file.
fn place(from: &Path, to: &Path) -> Outcome {
    let fresh: PathBuf = to.with_extension("fresh");
    let wrong = |e: std::io::Error| format!("cannot copy {} to {}: {e}", from.display(), to.display());
    fs::copy(from, &fresh).map_err(wrong)?;
    fs::rename(&fresh, to).map_err(wrong)
}

/// All packages carry one version: the crates inherit it, Python and Node must say the same.
fn versions_agree() -> Outcome {
    let read = |file: &str| fs::read_to_string(root().join(file)).map_err(|e| format!("{file}: {e}"));
    let version_of = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(key))?;
        line.split('"').rev().nth(1).map(str::to_owned)
    };
    let workspace = version_of(&read("Cargo.toml")?, "version = ").ok_or("Cargo.toml: expected a version")?;
    let found = version_of(&read("node/package.json")?, "\"version\"").unwrap_or_default();
    if found != workspace {
        return Err(format!("node/package.json has version {found:?}, the workspace has {workspace:?}"));
    }
    if !read("python/pyproject.toml")?.contains("dynamic = [\"version\"]") {
        return Err("python/pyproject.toml: expected its version to come from the crate (dynamic)".to_owned());
    }
    Ok(())
}
