//! `cargo xtask e2e [NAME...]`: real systems under guard, each in a Python of its own, driven by their own clients.
//!
//! A folder of `e2e/` is a system: `requirements.txt` (and, in `unattended.txt`, what is installed without its dependencies),
//! a policy and `scenarios.py`. What is installed stays under `target/e2e` for the next time. Not part of `cargo xtask test`:
//! some 3 GB come over the network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::run::{Outcome, cargo, quiet, root, target};
use crate::test;

pub(crate) fn run(names: &[String]) -> Outcome {
    let systems = systems()?;
    if let Some(unknown) = names.iter().find(|name| !systems.contains(name)) {
        return Err(format!("no system is called {unknown:?}; there are {}", systems.join(", ")));
    }
    cargo(&["build", "--workspace", "--exclude", "wardline-benches", "--bins", "--lib"], &[])?;
    test::modules()?;
    let mut told = Vec::new();
    let mut failed = Vec::new();
    for name in systems.iter().filter(|name| names.is_empty() || names.contains(name)) {
        let started = Instant::now();
        let line = match install(name).and_then(|()| scenarios(name)) {
            Ok(()) => "as expected".to_owned(),
            Err(message) => {
                failed.push(name.as_str());
                message
            }
        };
        told.push(format!("{name:<10}  {line}, {:.0} s", started.elapsed().as_secs_f32()));
    }
    println!("\n── e2e\n   {}", told.join("\n   "));
    if failed.is_empty() { Ok(()) } else { Err(format!("not as expected: {}", failed.join(", "))) }
}

/// The folders that have scenarios, by name.
fn systems() -> Result<Vec<String>, String> {
    let folders = fs::read_dir(root().join("e2e")).map_err(|e| format!("e2e: {e}"))?;
    let found = folders.flatten().filter(|folder| folder.path().join("scenarios.py").exists());
    let mut names: Vec<String> = found.filter_map(|folder| folder.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

fn place(name: &str) -> PathBuf {
    target().join("e2e").join(name)
}

/// The system's own virtual environment, made anew where what it shall hold has changed.
fn install(name: &str) -> Outcome {
    let folder = place(name);
    let (venv, stamp) = (folder.join("venv"), folder.join("installed"));
    let wanted = ["requirements.txt", "unattended.txt"].map(|file| root().join("e2e").join(name).join(file));
    let text = |file: &Path| fs::read_to_string(file).unwrap_or_default();
    let pins: String = wanted.iter().map(|file| text(file)).collect();
    if text(&stamp) == pins {
        return Ok(());
    }
    println!("\n── {name}: installing (once)");
    let wrong = |e: std::io::Error| format!("{}: {e}", folder.display());
    fs::create_dir_all(&folder).map_err(wrong)?;
    quiet("python3 -m venv", Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    for (file, further) in wanted.iter().zip([None, Some("--no-deps")]).filter(|(file, _)| file.exists()) {
        let mut pip = Command::new(venv.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(further);
        quiet("pip install", pip.arg("-r").arg(file))?;
    }
    fs::write(stamp, pins).map_err(wrong)
}

fn scenarios(name: &str) -> Outcome {
    let paths = ["python", "e2e/harness"].map(|folder| root().join(folder));
    let joined = std::env::join_paths(paths).map_err(|e| format!("a path cannot be listed: {e}"))?;
    let status = Command::new(place(name).join("venv/bin/python"))
        .arg(root().join("e2e").join(name).join("scenarios.py"))
        .env("PYTHONPATH", joined)
        .env("WARDLINE_E2E", target().join("e2e"))
        .status()
        .map_err(|e| format!("{name}: cannot start: {e}"))?;
    if status.success() { Ok(()) } else { Err("NOT as expected".to_owned()) }
}
