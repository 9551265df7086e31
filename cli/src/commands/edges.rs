//! `wardline edges`: who does what at which service, as a table, as JSON or as a graph for Graphviz.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use wardline::clock::Timestamp;
use wardline::model::Operation;
use wardline::watch::Profile;

use crate::args::{Edges, EdgesFormat};
use crate::{Outcome, Streams};

/// One edge, with whose it is.
#[derive(Serialize)]
pub(crate) struct Row<'a> {
    pub(crate) subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) issuer: Option<&'a str>,
    pub(crate) service: &'a str,
    pub(crate) operation: Operation,
    pub(crate) count: u64,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

pub(crate) fn run(args: &Edges, json: bool, streams: &mut Streams<'_>) -> Outcome {
    let guard = args.state.guard()?;
    let profiles = guard.edges()?;
    let rows = rows(&profiles);
    if rows.is_empty() {
        let why = match guard.policy().watch() {
            Some(_) => "no caller did anything yet",
            None => "the policy watches nobody: it has no `watch`",
        };
        writeln!(streams.err, "wardline: {why}")?;
    }
    match if args.dot { EdgesFormat::Dot } else { args.format } {
        EdgesFormat::Dot if !json => streams.say(dot(&rows))?,
        EdgesFormat::Table if !json => {
            for row in &rows {
                let Row { subject, issuer, service, operation, count, first, last } = row;
                let of = issuer.map_or_else(String::new, |issuer| format!(" of {}", clear(issuer)));
                let (subject, service) = (clear(subject), clear(service));
                let line =
                    format!("{subject}{of}  {service}  {operation}  {count}  first {first}  last {last}");
                streams.say(line)?;
            }
        }
        _ => rows.iter().try_for_each(|row| streams.json(row))?,
    }
    Ok(0)
}

/// All edges, by caller.
pub(crate) fn rows(profiles: &[Profile]) -> Vec<Row<'_>> {
    let edges = profiles.iter().flat_map(|profile| profile.edges().iter().map(move |edge| (profile, edge)));
    edges
        .map(|(profile, edge)| Row {
            subject: &profile.subject,
            issuer: profile.issuer.as_deref(),
            service: &edge.service,
            operation: edge.operation,
            count: edge.count,
            first: edge.first,
            last: edge.last,
        })
        .collect()
}

/// The graph: callers on the left, operations in a frame for each service on the right. Names are labels only, never ids of the graph.
fn dot(rows: &[Row<'_>]) -> String {
    let (mut callers, mut services) = (BTreeMap::new(), BTreeMap::<_, BTreeMap<_, _>>::new());
    for row in rows {
        let next = callers.len();
        callers.entry((row.subject, row.issuer)).or_insert(next);
        services.entry(row.service).or_default().insert(row.operation, 0_usize);
    }
    let mut graph = String::from("digraph wardline {\n  rankdir=LR;\n");
    for ((subject, issuer), index) in &callers {
        let issuer = issuer.map_or_else(String::new, |issuer| format!("\n{issuer}"));
        let _ = writeln!(graph, "  c{index} [label={}];", quoted(&format!("{subject}{issuer}")));
    }
    let mut next = 0;
    for (frame, (service, operations)) in services.iter_mut().enumerate() {
        let _ = writeln!(graph, "  subgraph cluster_{frame} {{\n    label={};", quoted(service));
        for (operation, index) in operations {
            *index = next;
            next += 1;
            let _ = writeln!(graph, "    o{index} [shape=box, label={}];", quoted(operation.name()));
        }
        graph.push_str("  }\n");
    }
    for row in rows {
        let caller = callers.get(&(row.subject, row.issuer));
        let operation = services.get(row.service).and_then(|operations| operations.get(&row.operation));
        let (Some(caller), Some(operation)) = (caller, operation) else { continue };
        let seen = quoted(&format!("first {}, last {}", row.first, row.last));
        let _ = writeln!(graph, "  c{caller} -> o{operation} [label=\"{}\", tooltip={seen}];", row.count);
    }
    graph.push('}');
    graph
}

/// A text as a string of the graph's language. What it would read as an escape or an end is none; a new line is one.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() => quoted.push(char::REPLACEMENT_CHARACTER),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A name on a line of people: it neither ends the line nor steers a terminal.
fn clear(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the language of graphs as far as it is written here; the strings that it holds, or where it goes wrong.
    fn parse(graph: &str) -> Result<Vec<String>, String> {
        let (mut strings, mut depth, mut rest) = (Vec::new(), 0_i32, graph.chars());
        while let Some(c) = rest.next() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                '"' => strings.push(string(&mut rest)?),
                '-' if rest.next() == Some('>') => {}
                c if c.is_ascii_alphanumeric() || " \n[]=;,_".contains(c) => {}
                c => return Err(format!("{c:?} outside of a string")),
            }
        }
        if depth == 0 { Ok(strings) } else { Err("braces".to_owned()) }
    }

    /// What a string holds, up to its end.
    fn string(rest: &mut std::str::Chars<'_>) -> Result<String, String> {
        let mut text = String::new();
        loop {
            match rest.next() {
                Some('"') => return Ok(text),
                Some('\\') => match rest.next() {
                    Some('n') => text.push('\n'),
                    Some(escaped @ ('"' | '\\')) => text.push(escaped),
                    other => return Err(format!("{other:?} is escaped")),
                },
                Some(c) if !c.is_control() => text.push(c),
                other => return Err(format!("{other:?} in a string")),
            }
        }
    }

    #[test]
    fn hostile_names_stay_names() {
        let names = [
            "ana",
            "x\"]; evil -> all; //",
            "back\\",
            "\\\"",
            "two\nlines",
            "\u{1b}[2J",
            "<b>Ümit</b>",
            "{}",
        ];
        let at = Timestamp::from_millis(0);
        let row = |name| Row {
            subject: name,
            issuer: Some("https://id.example"),
            service: name,
            operation: Operation::VectorSearch,
            count: 3,
            first: at,
            last: at,
        };
        let rows: Vec<_> = names.into_iter().map(row).collect();
        let graph = dot(&rows);
        let strings = parse(&graph).unwrap_or_else(|why| panic!("{why}\n{graph}"));
        for name in names {
            let name = name.replace('\u{1b}', "\u{fffd}");
            assert!(strings.contains(&name), "{name:?}\n{graph}");
            assert!(strings.contains(&format!("{name}\nhttps://id.example")), "{name:?}");
        }
        assert_eq!(graph.matches("->").count() - graph.matches("evil ->").count(), names.len());
        assert!(parse("digraph { a [label=\"x\"y\"]; }").is_err());
    }
}
