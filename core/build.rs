//! Turns the catalogue's YAML into static Rust tables, so that the library neither parses YAML nor pays for it at run time.
//! The lists of names become one table of bytes. An unknown key, operation or unit, a rule without effect or an entry said twice fails the build, with file and line.

#[path = "build/emit.rs"]
mod emit;
#[path = "src/classify/entries/entry.rs"]
mod entry;
#[path = "src/classify/entries/lower.rs"]
mod lower;
#[path = "src/classify/entries/messages.rs"]
mod messages;
#[path = "build/names.rs"]
mod names;
#[path = "src/classify/entries/node.rs"]
mod node;
#[path = "src/classify/entries/read.rs"]
mod read;
#[path = "src/classify/entries/refusals.rs"]
mod refusals;
// Of these tables the build needs the words alone.
#[allow(dead_code, unreachable_pub)]
#[path = "src/protobuf/schema.rs"]
mod schema;
#[path = "build/variants.rs"]
mod variants;

use std::path::{Path, PathBuf};
use std::{env, fs, process};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let folder = root.join("data/catalogue");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/classify/entries");
    println!("cargo::rerun-if-changed=src/protobuf/schema.rs");
    println!("cargo::rerun-if-changed=data/catalogue");
    println!("cargo::rerun-if-changed=data/names");
    println!("cargo::rerun-if-changed=src/model/operation.rs");
    println!("cargo::rerun-if-changed=src/model/act.rs");
    println!("cargo::rerun-if-changed=src/model/dialect.rs");

    let read = |path: PathBuf| {
        fs::read_to_string(&path).unwrap_or_else(|error| stop(&[format!("{}: {error}", path.display())]))
    };
    let variants = variants::Variants::of(
        &read(root.join("src/model/operation.rs")),
        &read(root.join("src/model/act.rs")),
        &read(root.join("src/model/dialect.rs")),
    );
    let words = variants.words();
    let (mut systems, mut wrong) = (Vec::new(), Vec::new());
    for file in yaml_files(&folder) {
        // A large system goes on in the folder of its name.
        let more = file.with_extension("");
        let parts = if more.is_dir() { yaml_files(&more) } else { Vec::new() };
        let named =
            |path: PathBuf| (path.strip_prefix(&root).unwrap_or(&path).display().to_string(), read(path));
        let files: Vec<_> = std::iter::once(file).chain(parts).map(named).collect();
        match read::system(&files, &words) {
            Ok(system) => {
                wrong.extend(untold(&system));
                systems.push(system);
            }
            Err(found) => wrong.extend(
                found.iter().map(|fault| format!("{}:{}: {}", fault.file, fault.place.line, fault.what)),
            ),
        }
    }
    if !wrong.is_empty() {
        stop(&wrong);
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let write = |file: &str, bytes: &[u8]| {
        if let Err(error) = fs::write(out.join(file), bytes) {
            stop(&[format!("{}: {error}", out.join(file).display())]);
        }
    };
    match emit::tables(&systems, &variants) {
        Ok(tables) => write("catalogue.rs", tables.as_bytes()),
        Err(unnumbered) => stop(&unnumbered),
    }
    match names::table(&root.join("data/names")) {
        Ok(table) => write("names.bin", &table),
        Err(error) => stop(&[format!("data/names: {error}")]),
    }
}

/// What a built-in system must say besides.
fn untold(system: &read::System) -> Vec<String> {
    let needed =
        [("title", &system.title, true), ("spec.source", &system.source, !system.entries.is_empty())];
    let missing = needed.iter().filter(|(_, given, needed)| given.is_empty() && *needed);
    missing.map(|(what, ..)| format!("{}: {what} is missing", system.name)).collect()
}

/// The YAML files of a folder, in the order of their names.
fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|error| stop(&[format!("{}: {error}", folder.display())]))
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    files.sort();
    files
}

fn stop(wrong: &[String]) -> ! {
    for line in wrong {
        println!("cargo::error={line}");
    }
    process::exit(1)
}
