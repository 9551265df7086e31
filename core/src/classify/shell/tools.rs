//! The tables of tools and paths (`data/tools`), read once when the first command is classified.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::model::Operation;

/// What is known of one tool.
#[derive(Debug)]
pub(super) struct Tool {
    /// Options that take a value.
    values: Vec<&'static str>,
    /// Long options take a value unless they are among these.
    long: Option<Vec<&'static str>>,
    /// Words before the command's own that change nothing of what it does: `gcloud beta`.
    past: &'static str,
    /// Options end before the first word.
    first: bool,
    rules: Vec<Rule>,
}

#[derive(Debug)]
pub(super) struct Rule {
    /// The line of the table, its number, and the file that it stands in.
    pub(super) text: &'static str,
    pub(super) line: usize,
    pub(super) file: &'static str,
    words: Vec<&'static str>,
    options: Vec<&'static str>,
    pub(super) effects: Vec<Effect>,
}

/// What a line of a table says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// An operation, its base risk where it is not the usual one, and where its resource is named.
    Does(Operation, Option<u8>, Vec<&'static str>),
    /// A mechanism of its own: its name, and the words and options that it is about.
    By(&'static str, Vec<&'static str>),
}

/// A command taken apart by the table of its tool.
#[derive(Debug, Default)]
pub(super) struct Arguments<'a> {
    /// The tool and the words that are no options, each with its place among all words.
    pub(super) words: Vec<(usize, &'a str)>,
    /// Options, with their values where they have some.
    pub(super) options: Vec<(&'a str, Option<&'a str>)>,
}

/// The longest path that a system opens.
const LONGEST: usize = 4_096;

struct Tables {
    tools: HashMap<&'static str, usize>,
    all: Vec<Tool>,
    paths: Vec<(&'static str, Vec<Shape>)>,
    systems: Vec<(&'static str, Vec<&'static str>)>,
    code: Vec<(Operation, Vec<&'static str>)>,
    /// Words of programs that reach beyond themselves.
    reach: Vec<&'static str>,
    /// Libraries of Python that reckon and no more, but for words of the list above.
    plain: Vec<&'static str>,
    /// Lines that could not be read; a test keeps this empty.
    wrong: Vec<&'static str>,
}

/// The tables of tools.
const FILES: [(&str, &str); 3] = [
    ("data/tools/tools.txt", include_str!("../../../data/tools/tools.txt")),
    ("data/tools/clouds.txt", include_str!("../../../data/tools/clouds.txt")),
    ("data/tools/stores.txt", include_str!("../../../data/tools/stores.txt")),
];

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        let mut tables = Tables {
            tools: HashMap::new(),
            all: Vec::new(),
            paths: lists(include_str!("../../../data/tools/paths.txt"))
                .into_iter()
                .map(|(kind, patterns)| (kind, patterns.into_iter().map(Shape::of).collect()))
                .collect(),
            systems: lists(include_str!("../../../data/tools/systems.txt")),
            code: Vec::new(),
            reach: Vec::new(),
            plain: Vec::new(),
            wrong: Vec::new(),
        };
        for (name, words) in lists(include_str!("../../../data/tools/code.txt")) {
            match name.parse() {
                _ if name == "any" => tables.reach = words,
                _ if name == "plain" => tables.plain = words,
                Ok(operation) => tables.code.push((operation, words)),
                Err(_) => tables.wrong.push(name),
            }
        }
        let tools = FILES.iter().flat_map(|(file, text)| numbered(text).map(move |line| (*file, line)));
        for (file, (number, line)) in tools {
            let read = match line.strip_prefix('[').and_then(|line| line.split_once(']')) {
                Some((names, options)) => {
                    let (values, own): (Vec<_>, Vec<_>) =
                        options.split_whitespace().partition(|word| word.starts_with('-'));
                    let flags = own.iter().filter_map(|word| word.strip_prefix('!')).collect();
                    let tool = Tool {
                        values,
                        long: own.contains(&"long").then_some(flags),
                        past: own.iter().find_map(|word| word.strip_prefix("past=")).unwrap_or_default(),
                        first: own.contains(&"first"),
                        rules: Vec::new(),
                    };
                    let known = names
                        .split_whitespace()
                        .filter(|name| *name != ":")
                        .chain(names.contains(" : ").then_some(":"));
                    known.for_each(|name| {
                        tables.tools.insert(name, tables.all.len());
                    });
                    tables.all.push(tool);
                    Some(())
                }
                None => rule(line, number, file)
                    .zip(tables.all.last_mut())
                    .map(|(rule, tool)| tool.rules.push(rule)),
            };
            if read.is_none() {
                tables.wrong.push(line);
            }
        }
        tables
    })
}

fn numbered(text: &'static str) -> impl Iterator<Item = (usize, &'static str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    numbered(text).map(|(_, line)| line)
}

/// `name: words`, a line each.
fn lists(text: &'static str) -> Vec<(&'static str, Vec<&'static str>)> {
    lines(text)
        .filter_map(|line| line.split_once(": "))
        .map(|(name, words)| (name, words.split_whitespace().collect()))
        .collect()
}

fn rule(line: &'static str, number: usize, file: &'static str) -> Option<Rule> {
    let (pattern, effects) = line.split_once(" : ")?;
    let (options, words) =
        pattern.split_whitespace().partition(|word| word.starts_with('-') && word.len() > 1);
    let effects: Option<Vec<_>> = effects.split(", ").map(effect).collect();
    Some(Rule { text: line, line: number, file, words, options, effects: effects? })
}

fn effect(text: &'static str) -> Option<Effect> {
    let mut words = text.split_whitespace();
    let name = words.next()?;
    const OWN: [&str; 21] = [
        "read",
        "write",
        "delete",
        "get",
        "put",
        "sink",
        "run",
        "tries",
        "script",
        "rest",
        "code",
        "sql",
        "redis",
        "url",
        "dumpfile",
        "dockerrun",
        "containercp",
        "gitconfig",
        "bang",
        "objectdelete",
        "mongo",
    ];
    if OWN.contains(&name) {
        return Some(Effect::By(name, words.collect()));
    }
    let operation: Operation = name.parse().ok()?;
    let (mut risk, mut places) = (None, Vec::new());
    for word in words {
        match word.strip_prefix('@') {
            Some(place) => places.push(place),
            None => risk = Some(word.parse().ok().filter(|risk| *risk <= 100)?),
        }
    }
    Some(Effect::Does(operation, risk, places))
}

/// The name of a program without the number of its version: `python3.12`, `gcc-13`.
pub(super) fn unnumbered(name: &str) -> &str {
    const NUMBERED: [&str; 12] =
        ["python", "pypy", "pip", "perl", "ruby", "php", "lua", "node", "gcc", "g++", "clang", "java"];
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').trim_end_matches('-');
    if NUMBERED.contains(&plain) { plain } else { name }
}

/// The table of a tool.
pub(super) fn tool(name: &str) -> Option<&'static Tool> {
    let tables = tables();
    tables.all.get(*tables.tools.get(name)?)
}

impl Tool {
    /// Whether an option has the next word for its value.
    pub(super) fn takes(&self, name: &str, next: Option<&str>) -> bool {
        let open = || next.is_some_and(|next| !next.starts_with('-') && !next.contains("://"));
        let long = |flags: &Vec<&str>| !flags.contains(&name) && !name.starts_with("--no-") && open();
        self.values.contains(&name) || name.starts_with("--") && self.long.as_ref().is_some_and(long)
    }

    /// Whether what stands right behind a letter is its value: `-ofile`, `-ppassword`.
    fn joined(&self, short: &str) -> bool {
        self.values.iter().any(|known| known.strip_suffix('=').unwrap_or(known) == short)
    }

    /// The words and options of a command.
    pub(super) fn arguments<'a>(&self, all: &[&'a str]) -> Arguments<'a> {
        let mut found = Arguments::default();
        let mut at = 0;
        let mut ended = false;
        while let Some(word) = all.get(at) {
            at += 1;
            let option = word.len() > 1 && word.starts_with('-') && !ended;
            if at == 1 || !option {
                if at > 1 && found.words.len() == 1 && !self.past.is_empty() && meets(self.past, word) {
                    continue;
                }
                found.words.push((at - 1, word));
                ended |= self.first && at > 1;
                continue;
            }
            if *word == "--" {
                ended = true;
                continue;
            }
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (*word, None),
            };
            let short = word.get(..2).filter(|short| !word.starts_with("--") && self.joined(short));
            if value.is_none() && self.takes(name, all.get(at).copied()) {
                found.options.push((name, all.get(at).copied()));
                at += 1;
            } else if let (Some(short), true) = (short, !self.values.contains(&name)) {
                found.options.push((short, word.get(2..)));
            } else {
                // The last of several letters may take a value: `-Fc`, `-xzf file`.
                let last = word
                    .chars()
                    .last()
                    .filter(|_| !word.starts_with("--"))
                    .map(|letter| format!("-{letter}"));
                let known = last.and_then(|last| self.values.iter().find(|known| **known == last));
                found.options.push((name, value));
                if let (Some(known), None) = (known, value) {
                    found.options.push((known, all.get(at).copied()));
                    at += 1;
                }
            }
        }
        found
    }

    /// What the first line that fits says.
    pub(super) fn rule(&self, arguments: &Arguments<'_>) -> Option<&Rule> {
        let fits = |rule: &&Rule| {
            let any = matches!(rule.words.as_slice(), [] | ["*"]);
            let words = arguments.words.get(1..).unwrap_or_default();
            let named = |(pattern, (_, word)): (&&str, &(usize, &str))| meets(pattern, word);
            (any || rule.words.len() <= words.len() && rule.words.iter().zip(words).all(named))
                && (rule.options.is_empty() || rule.options.iter().all(|option| arguments.has(option)))
        };
        self.rules.iter().find(fits)
    }
}

impl<'a> Arguments<'a> {
    /// A word by its number, the tool being the first.
    pub(super) fn word(&self, number: usize) -> Option<&'a str> {
        self.words.get(number.checked_sub(1)?).map(|(_, word)| *word)
    }

    /// The value of an option.
    pub(super) fn value(&self, name: &str) -> Option<&'a str> {
        self.options.iter().find(|(known, value)| *known == name && value.is_some())?.1
    }

    /// Whether one of these options is there, by itself or among other letters.
    pub(super) fn has(&self, options: &str) -> bool {
        options.split('|').any(|wanted| {
            if let Some((wanted, value)) = wanted.split_once('=') {
                return self.value(wanted).is_some_and(|held| meets(value, held));
            }
            self.options.iter().any(|(name, _)| {
                let letters = name.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
                meets(wanted, name)
                    || wanted.len() == 2
                        && letters.zip(wanted.chars().nth(1)).is_some_and(|(all, one)| all.contains(one))
            })
        })
    }

    /// What a place names: `3` is a word, `--bucket` an option, `-1` the last word.
    pub(super) fn place(&self, place: &str) -> Option<&'a str> {
        match place.parse::<usize>() {
            Ok(number) => self.word(number),
            Err(_) if place == "-1" => self.words.get(1..)?.last().map(|(_, word)| *word),
            Err(_) => self.value(place),
        }
    }

    /// The words of a range: `2..` or `2..-1`, or one place.
    pub(super) fn range(&self, range: &str) -> Vec<&'a str> {
        let Some((from, to)) = range.split_once("..") else { return self.place(range).into_iter().collect() };
        let from = from.parse::<usize>().unwrap_or(2).saturating_sub(1);
        let end = if to == "-1" { self.words.len().saturating_sub(1) } else { self.words.len() };
        self.words.iter().take(end).skip(from).map(|(_, word)| *word).collect()
    }
}

/// Whether a word fits one of some patterns, in which `*` stands for any letters.
pub(super) fn meets(patterns: &str, word: &str) -> bool {
    patterns.split('|').any(|pattern| like(pattern.as_bytes(), word.as_bytes()))
}

fn like(pattern: &[u8], word: &[u8]) -> bool {
    let (mut at, mut read, mut star) = (0, 0, None);
    while read < word.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(b'\\') if pattern.get(at + 1) == word.get(read) => {
                at += 2;
                read += 1;
            }
            Some(letter) if Some(letter) == word.get(read) => {
                at += 1;
                read += 1;
            }
            _ => match star {
                Some((back, from)) => {
                    star = Some((back, from + 1));
                    at = back + 1;
                    read = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|letter| *letter == b'*'))
}

/// What a path tells of its file: `secret`, `model`, `vectors` or `data`.
pub(super) fn kind(path: &str) -> Option<&'static str> {
    if path.len() > LONGEST {
        return None;
    }
    let path = path.trim_end_matches('/').to_ascii_lowercase();
    let plain = path.trim_start_matches("./");
    let name = plain.rsplit('/').next().unwrap_or_default();
    let fits = |shape: &Shape| shape.fits(plain) || shape.named && shape.fits(name);
    tables().paths.iter().find(|(_, shapes)| shapes.iter().any(fits)).map(|(kind, _)| *kind)
}

/// A pattern of a path.
struct Shape {
    pattern: &'static str,
    /// `*.npy` ends so; whatever else stands there is told letter by letter.
    end: Option<&'static str>,
    /// It is of a name, in any folder.
    named: bool,
}

impl Shape {
    fn of(pattern: &'static str) -> Self {
        let end = pattern.strip_prefix('*').filter(|end| !end.contains(['*', '|', '\\']));
        Self { pattern, end, named: !pattern.contains('/') }
    }

    fn fits(&self, text: &str) -> bool {
        match self.end {
            Some(end) => text.ends_with(end),
            None => meets(self.pattern, text),
        }
    }
}

/// The system that an address belongs to.
pub(super) fn system(host: &str) -> Option<&'static str> {
    let host = host.to_ascii_lowercase();
    tables()
        .systems
        .iter()
        .find(|(_, hosts)| hosts.iter().any(|known| meets(known, &host)))
        .map(|(name, _)| *name)
}

/// Whether a program may reach beyond itself, by its words. What only brings a library that reckons does not.
pub(super) fn reaches(text: &str) -> bool {
    let tables = tables();
    let plain = |names: &str| {
        names.split(',').all(|name| {
            let name = name.split_whitespace().next().unwrap_or_default();
            tables.plain.contains(&name.split('.').next().unwrap_or_default())
        })
    };
    text.split([';', '\n']).any(|line| {
        let line = line.trim();
        let brought = line.strip_prefix("from ").and_then(|rest| rest.split_once(" import "));
        // What is brought counts by its name.
        let said = match (line.strip_prefix("import "), brought) {
            (Some(names), _) if plain(names) => names,
            (_, Some((from, names))) if plain(from) => names,
            _ => line,
        };
        let said = said.replace("__version__", "");
        tables.reach.iter().any(|word| said.contains(word))
    })
}

/// What the words of a program tell.
pub(super) fn code(text: &str) -> impl Iterator<Item = Operation> {
    let found = tables().code.iter().filter(move |(_, words)| words.iter().any(|word| text.contains(word)));
    found.map(|(operation, _)| *operation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_tables_is_read() {
        assert_eq!(tables().wrong, [] as [&str; 0]);
        assert!(tables().tools.len() > 300);
        for (name, _) in &tables().systems {
            assert!(crate::classify::system(name).is_some(), "{name}");
        }
    }

    #[test]
    fn words_and_options_are_told_apart() {
        let tool = tool("pg_dump").unwrap();
        let found = tool.arguments(&["pg_dump", "-Fc", "-d", "vectors", "--file=/tmp/v", "x"]);
        assert_eq!(
            (found.word(2), found.value("-d"), found.value("--file")),
            (Some("x"), Some("vectors"), Some("/tmp/v"))
        );
        assert!(meets("*.npy|*.npz", "a.npz") && !meets("a*c", "ab") && meets("a*b*c", "aXbbYc"));
        assert!(super::tool("rm").unwrap().arguments(&["rm", "-rf", "/x"]).has("-r|-R"));
    }

    #[test]
    fn a_table_says_which_options_take_a_value() {
        let aws = tool("aws").unwrap();
        let found = aws.arguments(&["aws", "s3", "cp", "--sse-kms-key-id", "k", "--quiet", "a", "s3://b/a"]);
        assert_eq!((found.word(4), found.word(5)), (Some("a"), Some("s3://b/a")));
        // An address is no option's value, whatever the option.
        assert_eq!(aws.arguments(&["aws", "s3", "rm", "--what", "s3://b"]).word(4), Some("s3://b"));
        let gcloud = tool("gcloud").unwrap();
        assert_eq!(gcloud.arguments(&["gcloud", "beta", "storage", "ls"]).word(2), Some("storage"));
        // The letters of a password are no options.
        let dump = tool("mysqldump").unwrap().arguments(&["mysqldump", "-uada", "-pdash", "-p", "shop"]);
        assert!(!dump.has("-d|-A") && dump.word(2) == Some("shop"));
    }

    #[test]
    fn a_program_keeps_its_name_without_its_version() {
        assert_eq!(
            (unnumbered("python3.13"), unnumbered("g++-13"), unnumbered("s3")),
            ("python", "g++", "s3")
        );
    }

    #[test]
    fn a_program_that_only_reckons_does_not_reach_out() {
        assert!(
            !reaches("import torch as t; print(t.__version__)") && !reaches("from math import pi\nprint(pi)")
        );
        for text in [
            "import os",
            "import sys; sys.modules['o' + 's']",
            "from numpy import load as l",
            "__import__('os')",
        ] {
            assert!(reaches(text), "{text}");
        }
    }
}
