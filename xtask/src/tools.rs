//! What the machine must have, and one clear line where it has not.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Outcome, command, quiet, target};

/// Whether a program answers.
fn answers(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// PostgreSQL's server, which the tests of the shared store start by themselves; installed where that can be done.
pub(crate) fn postgres() -> Outcome {
    if has_postgres() {
        return Ok(());
    }
    install("postgresql", "PostgreSQL's initdb and postgres")?;
    if has_postgres() { Ok(()) } else { Err("PostgreSQL was installed, and its initdb is not found".into()) }
}

/// The browser in which the console is tested; installed where that can be done.
pub(crate) fn chromium() -> Outcome {
    let there = || Path::new("/usr/bin/chromium").exists();
    if there() {
        return Ok(());
    }
    install("chromium", "Chromium")?;
    if there() { Ok(()) } else { Err("Chromium was installed, and /usr/bin/chromium is not there".into()) }
}

/// Installs a package of Debian's, as root.
fn install(package: &str, what: &str) -> Outcome {
    let root = answers("id", &["-u"]).as_deref() == Some("0");
    if !root || answers("apt-get", &["--version"]).is_none() {
        return Err(format!("this machine lacks {what} (Debian: apt-get install {package})"));
    }
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        quiet(&format!("apt-get {}", args.join(" ")), &mut command).map(|_| ())
    };
    apt(&["update", "-qq"])?;
    apt(&["install", "-y", "-qq", "--no-install-recommends", package])
}

/// Where the tests look for it: Debian's folders, then the path.
fn has_postgres() -> bool {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders = debian.map(|version| version.path().join("bin"));
    folders.any(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
        || answers("initdb", &["--version"]).is_some()
}

/// Python 3.10 or newer with venv, Node 20 or newer with npm, and a C compiler.
pub(crate) fn require() -> Outcome {
    let mut missing = Vec::new();
    if answers("cc", &["--version"]).is_none() {
        missing.push("a C compiler (Debian: apt-get install build-essential)");
    }
    let python = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
    if answers("python3", &["-c", python]).is_none() {
        missing.push("Python 3.10 or newer with venv (Debian: apt-get install python3-venv)");
    }
    let node = answers("node", &["-p", "process.versions.node.split('.')[0] >= 20"]);
    if node.as_deref() != Some("true") {
        missing.push("Node 20 or newer (Debian: apt-get install nodejs npm, or nodejs.org)");
    }
    if answers("npm", &["--version"]).is_none() {
        missing.push("npm (Debian: apt-get install npm)");
    }
    if missing.is_empty() { Ok(()) } else { Err(format!("this machine lacks {}", missing.join("; "))) }
}

/// Where the tests' Python lives.
pub(crate) fn venv() -> PathBuf {
    target().join("venv")
}

/// A program of that Python.
pub(crate) fn venv_bin(program: &str) -> PathBuf {
    venv().join("bin").join(program)
}

/// A virtual environment under the target folder with what the Python tests need.
pub(crate) fn python() -> Outcome {
    if !venv_bin("python").exists() {
        quiet("python3 -m venv", Command::new("python3").args(["-m", "venv"]).arg(venv()))?;
    }
    let mut install = command(venv_bin("python"), "python");
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
        "tests/requirements.txt",
    ]);
    quiet("pip install", &mut install).map(|_| ())
}

/// What the Node tests and the browser's need, exactly as locked.
pub(crate) fn node() -> Outcome {
    ["node", "cli/tests/console"].into_iter().try_for_each(|folder| {
        let mut install = command("npm", folder);
        install.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
        quiet("npm ci", &mut install).map(|_| ())
    })
}
