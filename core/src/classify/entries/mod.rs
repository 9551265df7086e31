//! Entries that a policy brings, in the format of `data/catalogue`: read by the same code that `build.rs` reads the built-in ones with.
//!
//! `node`, `read`, `entry`, `lower`, `messages` and `refusals` are compiled into the build script too, and so know nothing of this crate but the tables of `protobuf/schema.rs`.

pub(crate) mod entry;
mod keep;
pub(crate) mod lower;
pub(crate) mod messages;
pub(crate) mod node;
mod overlap;
pub(crate) mod read;
pub(crate) mod refusals;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use self::node::{Fault, Faults, Place};
use self::read::Words;
use super::catalogue::System;
use crate::model::{Dialect, Operation, Unit};
use crate::protobuf as schema;

/// Something that is wrong with a catalogue of a policy.
pub(crate) struct Wrong {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) message: String,
}

type Kept = HashMap<Vec<(String, String)>, Result<&'static System, Vec<(String, Place, String)>>>;

/// The system that these files, each with its name, are about: one of their own, or a built-in one with further entries. It lives as long as the
/// process, once however often it is read.
///
/// # Errors
/// Everything that is wrong with them; entries that would change what a built-in one is looked up for.
pub(crate) fn system(files: &[(String, String)]) -> Result<&'static System, Vec<Wrong>> {
    static KEPT: Mutex<Option<Kept>> = Mutex::new(None);
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let known = kept.get_or_insert_default().entry(files.to_vec()).or_insert_with(|| {
        read_whole(files).map_err(|faults| {
            faults.into_iter().map(|Fault { file, place, what }| (file, place, what)).collect()
        })
    });
    known.clone().map_err(|faults| {
        let wrong = |(file, Place { line, column }, message)| Wrong { file, line, column, message };
        faults.into_iter().map(wrong).collect()
    })
}

fn read_whole(files: &[(String, String)]) -> Result<&'static System, Vec<Fault>> {
    let words = Words {
        operations: Operation::ALL.iter().map(|operation| operation.name().to_owned()).collect(),
        units: Unit::ALL.iter().map(|unit| unit.name().to_owned()).collect(),
        dialects: Dialect::ALL.iter().map(|dialect| dialect.name().to_owned()).collect(),
    };
    let system = read::system(files, &words)?;
    let base = super::system(&system.name);
    if let Some(base) = base {
        let mut faults = Faults::new("");
        for (file, key, place) in &system.settings {
            faults.in_file(files.get(*file).map_or("", |(name, _)| name.as_str()));
            faults
                .at(*place, format!("{key} belongs to a system of its own, and {} is built in", base.name()));
        }
        for entry in &system.entries {
            faults.in_file(system.files.get(entry.file).map_or("", String::as_str));
            if let Some(known) = overlap::hidden(entry, base) {
                let (file, line) = known.place();
                let what = format!(
                    "it would change what a request to {} {} is, which is built in ({file}:{line}): name a system of its own",
                    known.method(),
                    known.route()
                );
                faults.at(entry.place, what);
            }
        }
        if !faults.is_empty() {
            return Err(faults.into_found());
        }
    }
    keep::keep(&system, base)
}
