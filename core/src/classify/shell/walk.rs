//! From pipelines to acts: words are worked out, wrappers taken off, tools looked up.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::parse::{self, Command, Kind, Pipeline, Stage};
use super::tools::{self, Arguments, Effect};
use super::word::{Field, Part, Word, unescaped};
use super::{Commands, own, special};
use crate::classify::explain::{Ground, Place};
use crate::classify::sql::Statements;
use crate::model::{Act, Operation, Risk};

/// How often a command may lead to another one.
const NESTING: usize = 32;
/// How many commands are looked at, with all that functions and loops repeat.
const WORK: usize = 20_000;
/// How many bytes of words are looked at in all, with what variables, loops and functions repeat.
const BYTES: usize = 4 << 20;
/// What a field, and what a redirection costs besides.
const FIELD: usize = 48;
const REDIRECT: usize = 256;
/// The longest name of a folder that is kept: it stands in front of each path behind it.
const FOLDER: usize = 256;
/// How many fields one word may become.
const FIELDS: usize = 4_096;
/// Most things that one operation is told to be done to, one by one.
const RESOURCES: usize = 256;

/// What comes in at a command.
#[derive(Debug, Clone, Default)]
pub(super) enum Input {
    #[default]
    None,
    /// From another command or a file.
    Piped,
    /// A text that is known.
    Text(String),
}

#[derive(Default)]
pub(super) struct Walk {
    pub(super) variables: HashMap<String, Option<String>>,
    /// Those among them that hold what commands put out.
    told: HashSet<String>,
    functions: HashMap<String, Rc<Vec<Pipeline>>>,
    aliases: HashMap<String, String>,
    pub(super) positional: Vec<Field>,
    pub(super) acts: Vec<Act>,
    pub(super) input: Input,
    /// What the last command puts out, where that is known.
    pub(super) output: Option<String>,
    /// Where the names come from that a `find` of this pipeline puts out: its folder, and what it asks of them.
    pub(super) found: Option<String>,
    /// Files that came over the network.
    pub(super) fetched: HashSet<String>,
    /// Whether a connection was opened, to which descriptors lead.
    connected: bool,
    /// Whether the command at hand sends what it reads.
    pub(super) sends: bool,
    /// Whether a command of this pipeline reads elsewhere, on another machine or in a container.
    pub(super) away: bool,
    /// Whether the next command is looked up without functions and aliases.
    pub(super) plain: bool,
    /// Whether what comes in is a dump of a database, as the tool that makes it wrote it.
    pub(super) dumped: bool,
    /// Whether what this pipeline puts out comes to lie in a file.
    kept: bool,
    nesting: usize,
    work: usize,
    bytes: usize,
    reason: Option<&'static str>,
    /// Where somebody asks why: what each act comes from.
    origins: Option<Vec<Origin>>,
    origin: Origin,
    commands: usize,
    /// The folder that the text went to, where its words tell it.
    folder: Option<String>,
}

/// A command, by its number, its name and the line of the table that fits it.
#[derive(Debug, Clone, Default)]
struct Origin {
    command: usize,
    name: String,
    rule: Option<(&'static str, usize, &'static str)>,
}

impl Walk {
    /// A walk that tells what each act comes from.
    pub(super) fn asked() -> Self {
        Self { origins: Some(Vec::new()), ..Self::default() }
    }

    /// The acts, each with what it comes from.
    pub(super) fn grounds(mut self) -> Vec<Ground> {
        self.note();
        let (all, origins) = (self.acts.clone(), self.origins.take().unwrap_or_default());
        let ground = |act: Act| {
            let same = |(known, _): &(&Act, &Origin)| {
                known.operation == act.operation
                    && known.risk == act.risk
                    && (known.resource == act.resource || act.resource == "*")
            };
            let origin =
                all.iter().zip(&origins).find(same).map(|(_, origin)| origin.clone()).unwrap_or_default();
            let place = origin.rule.map(|(file, line, _)| Place::of(file, line));
            let rule = origin.rule.map(|(_, _, text)| text.to_owned());
            let base = act.risk;
            Ground::of(act, base).part(origin.command, &origin.name).row(place, rule)
        };
        self.finish().acts.into_iter().map(ground).collect()
    }

    /// What was added since is of the command at hand.
    fn note(&mut self) {
        if let Some(origins) = &mut self.origins {
            origins.resize(self.acts.len(), self.origin.clone());
        }
    }

    /// The acts, each once.
    pub(super) fn finish(mut self) -> Commands {
        let mut acts: Vec<Act> = Vec::new();
        let mut places: HashMap<(Operation, String), usize> = HashMap::new();
        let mut counts: HashMap<Operation, usize> = HashMap::new();
        for mut act in std::mem::take(&mut self.acts) {
            if let Some(known) =
                places.get(&(act.operation, act.resource.clone())).and_then(|at| acts.get_mut(*at))
            {
                known.risk = known.risk.max(act.risk);
                continue;
            }
            let count = counts.entry(act.operation).or_default();
            *count += 1;
            if *count > RESOURCES {
                // So many are told as what only a rule for all covers.
                (act.resource, act.magnitude.count) = ("*".to_owned(), None);
                let all = (act.operation, act.resource.clone());
                if let Some(known) = places.get(&all).and_then(|at| acts.get_mut(*at)) {
                    known.risk = known.risk.max(act.risk);
                    continue;
                }
            }
            places.insert((act.operation, act.resource.clone()), acts.len());
            acts.push(act);
        }
        if acts.iter().any(|act| act.operation != Operation::None) {
            acts.retain(|act| act.operation != Operation::None);
        }
        if acts.is_empty() {
            acts.push(Act::new(Operation::None, ""));
        }
        Commands { acts, reason: self.reason }
    }

    pub(super) fn act(&mut self, operation: Operation, risk: Option<u8>, resource: &str) {
        if operation == Operation::Unknown {
            self.acts.push(Act::unknown());
            return;
        }
        let mut act = Act::new(operation, resource);
        act.magnitude.unit = operation.unit();
        act.risk = risk.map_or(act.risk, Risk::new);
        // What was fetched and runs is what somebody elsewhere wrote.
        if operation == Operation::CodeExecute && self.came(resource) {
            act.risk = act.risk.max(Risk::new(95));
        }
        self.acts.push(act);
    }

    /// Whether a file came over the network in this text.
    fn came(&self, path: &str) -> bool {
        !path.is_empty() && self.fetched.contains(path.trim_start_matches("./"))
    }

    pub(super) fn statements(&mut self, read: Statements) {
        if let Some(reason) = read.reason {
            self.reason.get_or_insert(reason);
        }
        self.acts.extend(read.acts);
    }

    pub(super) fn unknown(&mut self, reason: &'static str) {
        self.reason.get_or_insert(reason);
        self.acts.push(Act::unknown());
    }

    pub(super) fn list(&mut self, list: &[Pipeline]) {
        for pipeline in list {
            self.pipeline(pipeline);
        }
    }

    /// Shell text that a command is given. Where it goes to is no matter of what comes behind.
    pub(super) fn script(&mut self, text: &str) {
        if !self.spend(text.len()) {
            return;
        }
        let folder = self.folder.clone();
        self.deeper(|walk| match parse::script(text) {
            Ok(list) => walk.list(&list),
            Err(reason) => walk.unknown(reason),
        });
        self.folder = folder;
    }

    /// `cd` to a folder that the words tell; to any other one is to nobody knows where.
    fn enter(&mut self, words: &[Field]) {
        let Some(to) = words.iter().find(|field| !field.text.starts_with('-') || field.text == "-") else {
            return self.folder = Some("~".to_owned());
        };
        self.folder = Some(self.at(&to.text).into_owned()).filter(|path| {
            !to.dynamic && path.len() <= FOLDER && path.starts_with(['/', '~']) && !path.contains("..")
        });
    }

    /// Where a path leads from the folder at hand, where that is known.
    pub(super) fn at<'p>(&self, path: &'p str) -> Cow<'p, str> {
        match &self.folder {
            Some(folder) if !path.is_empty() && !path.starts_with(['/', '~', '.', '-']) => {
                Cow::Owned(format!("{}/{path}", folder.trim_end_matches('/')))
            }
            Some(folder) if path.starts_with("./") => {
                Cow::Owned(format!("{}/{}", folder.trim_end_matches('/'), path.trim_start_matches("./")))
            }
            _ => Cow::Borrowed(path),
        }
    }

    /// A command that another one starts.
    pub(super) fn words(&mut self, words: &[&str]) {
        let fields: Vec<Field> = words.iter().copied().map(Field::of).collect();
        self.deeper(|walk| walk.command(&fields));
    }

    pub(super) fn deeper(&mut self, run: impl FnOnce(&mut Self)) {
        if self.nesting >= NESTING {
            return self.unknown("too_deep");
        }
        self.nesting += 1;
        run(self);
        self.nesting -= 1;
    }

    /// Takes note that so many bytes are looked at. Whether there is still room.
    pub(super) fn spend(&mut self, bytes: usize) -> bool {
        if self.bytes > BYTES {
            return false;
        }
        self.bytes += bytes;
        if self.bytes > BYTES {
            self.unknown("too_long");
        }
        self.bytes <= BYTES
    }

    fn pipeline(&mut self, stages: &[Stage]) {
        let (outer, found) = (std::mem::take(&mut self.input), self.found.take());
        let (away, kept) = (std::mem::take(&mut self.away), std::mem::take(&mut self.kept));
        let began = self.acts.len();
        for (at, stage) in stages.iter().enumerate() {
            let held = match &outer {
                Input::Text(text) => text.len(),
                Input::None | Input::Piped => 0,
            };
            if !self.spend(held + self.output.as_ref().map_or(0, String::len)) {
                break;
            }
            self.input = match (at, self.output.take()) {
                (0, _) => outer.clone(),
                (_, Some(text)) => Input::Text(text),
                (_, None) => Input::Piped,
            };
            self.sends = false;
            let alone = stages.first().is_some_and(|first| matches!(first.command, Command::Simple(..)));
            self.dumped = at == 1
                && alone
                && self.acts.len() > began
                && self.acts.iter().skip(began).all(|act| act.operation == Operation::DataExport);
            self.stage(stage);
            self.dumped = false;
            if self.sends || self.away && self.kept {
                // What was read so far, by files of this command too, has left.
                special::left(self.acts.get_mut(began..).unwrap_or_default());
            }
        }
        (self.input, self.found) = (outer, found);
        (self.away, self.kept) = (away, kept);
        self.sends = false;
    }

    fn stage(&mut self, stage: &Stage) {
        self.work += 1;
        if self.work > WORK {
            return self.unknown("too_long");
        }
        self.output = None;
        let began = self.acts.len();
        let (mut written, mut connected) = (Vec::new(), false);
        for redirect in &stage.redirects {
            if !self.spend(REDIRECT) {
                return;
            }
            let target = self.text(&redirect.target);
            match redirect.kind {
                Kind::Text => {
                    self.input =
                        if target.dynamic { Input::Piped } else { Input::Text(format!("{}\n", target.text)) };
                }
                Kind::Read
                    if target.text.starts_with("/dev/tcp/") || target.text.starts_with("/dev/udp/") =>
                {
                    self.act(Operation::NetworkSend, Some(90), &target.text);
                    self.input = Input::Piped;
                }
                Kind::Read => {
                    self.input = Input::Piped;
                    special::reads(self, &target.text);
                }
                Kind::Handed if self.connected => written.push(None),
                Kind::Aside | Kind::Handed => {}
                // What comes in by a connection is what somebody else says.
                Kind::Joined => {
                    if connected || target.text.parse::<u32>().is_ok_and(|descriptor| descriptor > 2) {
                        self.input = Input::Piped;
                    }
                }
                Kind::Write
                    if target.text.starts_with("/dev/tcp/") || target.text.starts_with("/dev/udp/") =>
                {
                    self.act(Operation::NetworkSend, Some(90), &target.text);
                    written.push(None);
                    (connected, self.connected) = (true, true);
                }
                Kind::Write => written.push(Some(target.text)),
            }
        }
        match &stage.command {
            Command::Simple(assigned, words) => self.simple(assigned, words),
            Command::Group(list, None) => self.deeper(|walk| walk.list(list)),
            Command::Group(list, Some((name, values))) => self.each(name, values, list),
            Command::Function(name, body) => {
                self.functions.insert(name.clone(), Rc::clone(body));
                // Whether it is called is seen elsewhere; that it is there is nothing yet.
                self.acts.push(Act::new(Operation::None, ""));
            }
        }
        let fetches = self.acts.iter().skip(began).any(|act| act.operation == Operation::NetworkFetch);
        for target in written {
            self.output = None;
            match target {
                Some(path) => {
                    special::writes(self, &path);
                    self.kept = true;
                    if fetches {
                        self.fetched.insert(path.trim_start_matches("./").to_owned());
                    }
                }
                None => self.sends = true,
            }
        }
    }

    /// A loop over values: once for each that is known, up to a few.
    fn each(&mut self, name: &str, values: &[Word], list: &[Pipeline]) {
        let fields: Vec<Field> = values.iter().flat_map(|word| self.fields(word)).collect();
        let few = fields.len() <= 16;
        for field in fields.iter().take(16) {
            let value = (!field.dynamic && few).then(|| field.text.clone());
            self.variables.insert(name.to_owned(), value);
            self.deeper(|walk| walk.list(list));
        }
        if fields.is_empty() {
            self.variables.insert(name.to_owned(), None);
            self.deeper(|walk| walk.list(list));
        }
    }

    fn simple(&mut self, assigned: &[(String, Word)], words: &[Word]) {
        for (name, word) in assigned {
            let value = self.text(word);
            special::set(self, name, &value.text);
            // Where commands are looked for, and how words are told apart.
            if matches!(name.as_str(), "PATH" | "LD_LIBRARY_PATH" | "IFS") {
                self.act(Operation::CodeExecute, Some(if name == "PATH" { 40 } else { 80 }), "");
            }
            if value.told {
                self.told.insert(name.clone());
            } else {
                self.told.remove(name);
            }
            let value = (!value.dynamic).then_some(value.text);
            self.variables.insert(name.clone(), value);
        }
        let fields: Vec<Field> = words.iter().flat_map(|word| self.fields(word)).collect();
        if fields.is_empty() {
            self.acts.push(Act::new(Operation::None, ""));
            return;
        }
        self.command(&fields);
    }

    /// One command, word by word.
    pub(super) fn command(&mut self, fields: &[Field]) {
        if self.origins.is_none() {
            return self.known(fields);
        }
        self.note();
        self.commands += 1;
        let name = fields.first().map(|field| field.text.clone()).unwrap_or_default();
        let own = Origin { command: self.commands, name, rule: None };
        let outer = std::mem::replace(&mut self.origin, own);
        self.known(fields);
        self.note();
        self.origin = outer;
    }

    fn known(&mut self, fields: &[Field]) {
        self.work += 1;
        let plain = std::mem::take(&mut self.plain);
        let Some(first) = fields.first() else { return };
        if self.work > WORK {
            return self.unknown("too_long");
        }
        if !self.spend(fields.iter().map(|field| field.text.len() + FIELD).sum()) {
            return;
        }
        if fields.iter().any(|field| field.split) {
            self.unknown("split");
        }
        if first.dynamic || first.text.is_empty() || first.text.contains(['*', '?']) && first.text != "?" {
            return self.unknown("dynamic");
        }
        if let Some(text) = self.aliases.get(&first.text).filter(|_| !plain).cloned() {
            let rest: Vec<String> = fields.iter().skip(1).map(|field| quote(&field.text)).collect();
            self.aliases.remove(&first.text);
            self.script(&format!("{text} {}", rest.join(" ")));
            self.aliases.insert(first.text.clone(), text);
            return;
        }
        if let Some(body) = self.functions.get(&first.text).filter(|_| !plain).cloned() {
            let outer = std::mem::replace(&mut self.positional, fields.get(1..).unwrap_or_default().to_vec());
            self.deeper(|walk| walk.list(&body));
            self.positional = outer;
            return;
        }
        let name = first.text.rsplit('/').next().unwrap_or_default().trim_end_matches(".exe");
        let name = tools::unnumbered(name);
        let mut words: Vec<&str> = fields.iter().map(|field| field.text.as_str()).collect();
        if let Some(word) = words.first_mut() {
            *word = name;
        }
        match name {
            "cd" | "pushd" => self.enter(fields.get(1..).unwrap_or_default()),
            "popd" => self.folder = None,
            "alias" => {
                for (alias, text) in fields.iter().skip(1).filter_map(|field| field.text.split_once('=')) {
                    self.aliases.insert(alias.to_owned(), text.to_owned());
                }
            }
            "export" | "declare" | "local" | "typeset" | "readonly" => {
                for field in fields.iter().skip(1) {
                    let Some((variable, value)) = field.text.split_once('=') else { continue };
                    special::set(self, variable, value);
                    let value = (!field.dynamic).then(|| value.to_owned());
                    self.variables.insert(variable.to_owned(), value);
                }
            }
            "read" | "mapfile" | "readarray" | "getopts" => {
                for field in fields.iter().skip(1).filter(|field| !field.text.starts_with('-')) {
                    self.variables.insert(field.text.clone(), None);
                }
            }
            // The name is another program's from here on.
            "hash" if words.get(1) == Some(&"-p") => {
                if let (Some(path), Some(hashed)) = (fields.get(2), fields.get(3)) {
                    self.aliases.insert(hashed.text.clone(), path.text.clone());
                }
            }
            "set" if words.get(1) == Some(&"--") => {
                self.positional = fields.get(2..).unwrap_or_default().to_vec();
            }
            "eval" => {
                // What was fetched is what somebody elsewhere wrote.
                let fetched = fields.iter().any(|field| field.told)
                    && self.acts.last().is_some_and(|act| act.operation == Operation::NetworkFetch);
                self.act(Operation::CodeExecute, Some(if fetched { 95 } else { 85 }), "");
                if fields.iter().skip(1).all(|field| !field.dynamic) {
                    let text = words.get(1..).unwrap_or_default().join(" ");
                    self.script(&text);
                }
                return;
            }
            _ => {}
        }
        if matches!(words.as_slice(), [_, "--version" | "--help"]) && tools::tool(name).is_some() {
            return self.act(Operation::None, None, "");
        }
        if own::run(self, name, fields, &words) {
            return;
        }
        let Some(tool) = tools::tool(name) else {
            // A program of the caller's own.
            if first.text.starts_with("./")
                || first.text.ends_with(".sh")
                || first.text.ends_with(".py")
                || first.text.contains('/') && self.came(&first.text)
            {
                return self.act(Operation::CodeExecute, Some(50), &first.text);
            }
            return self.unknown("unknown_tool");
        };
        let arguments = tool.arguments(&words);
        match tool.rule(&arguments) {
            Some(rule) => {
                self.origin.rule = Some((rule.file, rule.line, rule.text));
                for effect in &rule.effects {
                    self.effect(effect, &arguments, fields, &words);
                }
            }
            None => self.unknown("unknown_use"),
        }
    }

    fn effect(&mut self, effect: &Effect, arguments: &Arguments<'_>, fields: &[Field], words: &[&str]) {
        match effect {
            Effect::Does(operation, risk, places) => {
                let resource = places.iter().find_map(|place| arguments.place(place)).unwrap_or_default();
                self.act(*operation, *risk, special::named(resource));
            }
            Effect::By(name, places) => special::by(self, name, places, arguments, fields, words),
        }
    }

    /// One text for a word, whatever stands in it.
    pub(super) fn text(&mut self, word: &Word) -> Field {
        let mut all = Field::default();
        for (at, field) in self.pieces(word, false).into_iter().enumerate() {
            if at > 0 {
                all.text.push(' ');
            }
            all.text.push_str(&field.text);
            all.dynamic |= field.dynamic;
            all.told |= field.told;
        }
        all
    }

    /// The fields that a word becomes: unquoted values are taken apart at blanks, lists in braces written out.
    pub(super) fn fields(&mut self, word: &Word) -> Vec<Field> {
        if let [Part::Text(text, false)] = word.0.as_slice()
            && text.contains('{')
        {
            let mut all = Vec::new();
            let whole = braces(text, 0, &mut all);
            let dynamic = !self.spend(all.iter().map(String::len).sum()) || !whole;
            return all.into_iter().map(|text| Field { text, dynamic, ..Field::default() }).collect();
        }
        self.pieces(word, true)
    }

    fn pieces(&mut self, word: &Word, splits: bool) -> Vec<Field> {
        let mut fields = vec![Field::default()];
        let mut any = false;
        for part in &word.0 {
            let (mut secret, mut told) = (false, false);
            let (text, dynamic, quoted) = match part {
                Part::Text(text, quoted) => {
                    any |= *quoted;
                    (text.clone(), false, true)
                }
                Part::Variable(name, default, quoted) => {
                    if name == "@" || name == "*" {
                        let held = self.positional.iter().map(|field| field.text.len() + FIELD).sum();
                        if !self.spend(held) {
                            append(&mut fields, &Field { dynamic: true, ..Field::default() });
                            continue;
                        }
                        for (at, field) in self.positional.clone().into_iter().enumerate() {
                            if at > 0 {
                                fields.push(Field::default());
                            }
                            append(&mut fields, &field);
                        }
                        continue;
                    }
                    if name == "IFS" && !quoted && splits {
                        fields.push(Field { split: true, ..Field::default() });
                        continue;
                    }
                    let known = self.variable(name, default.as_ref());
                    told = self.told.contains(name);
                    secret = known.dynamic && !self.variables.contains_key(name) && says_secret(name);
                    (known.text, known.dynamic, *quoted || !splits)
                }
                Part::Output(list, quoted) => {
                    let output = self.substituted(list, Input::None);
                    told = output.is_none();
                    (output.clone().unwrap_or_default(), output.is_none(), *quoted || !splits)
                }
                Part::Process(list, fed) => {
                    self.substituted(list, if *fed { Input::Piped } else { Input::None });
                    ("/dev/fd/63".to_owned(), true, true)
                }
                Part::Either(inner) | Part::Changed(inner) => (self.inner(inner).text, true, true),
                Part::Number => ("0".to_owned(), true, true),
                Part::Here | Part::Unknown => (String::new(), true, true),
            };
            let (text, dynamic) =
                if self.spend(text.len()) { (text, dynamic) } else { (String::new(), true) };
            if quoted {
                append(&mut fields, &Field { text, dynamic, secret, told, ..Field::default() });
                any |= !matches!(part, Part::Text(_, false));
                continue;
            }
            let blank = |c: char| c.is_ascii_whitespace();
            for (at, piece) in text.split(blank).filter(|piece| !piece.is_empty()).enumerate() {
                if (at > 0 || text.starts_with(blank))
                    && fields.len() < FIELDS
                    && !fields.last().is_some_and(|f| f.text.is_empty() && !f.dynamic)
                {
                    fields.push(Field::default());
                }
                append(&mut fields, &Field { text: piece.to_owned(), dynamic, ..Field::default() });
            }
            if dynamic && let Some(last) = fields.last_mut() {
                last.dynamic = true;
                last.secret |= secret;
                last.told |= told;
            }
        }
        fields.retain(|field| any || !field.text.is_empty() || field.dynamic);
        fields
    }

    /// A word that stands in another one.
    fn inner(&mut self, word: &Word) -> Field {
        let mut found = Field { dynamic: true, ..Field::default() };
        self.deeper(|walk| found = walk.text(word));
        found
    }

    fn variable(&mut self, name: &str, default: Option<&Word>) -> Field {
        let unset = |walk: &mut Self| match default {
            // What stands for it is as good a guess as any, and only a guess.
            Some(word) => Field { dynamic: true, ..walk.inner(word) },
            None => Field { dynamic: true, ..Field::default() },
        };
        if let Some(number) = name.parse::<usize>().ok().and_then(|n| n.checked_sub(1)) {
            return match self.positional.get(number) {
                Some(field) => field.clone(),
                None => unset(self),
            };
        }
        match (self.variables.get(name), default) {
            (Some(Some(value)), _) => Field::of(value.clone()),
            (None, None) if name == "HOME" => Field { text: "~".into(), ..Field::default() },
            (None, None) if name == "PWD" => Field { text: ".".into(), ..Field::default() },
            (None, None) if name == "0" => Field::of("sh"),
            _ => unset(self),
        }
    }

    /// Commands whose output becomes a word: they run, and what they put out may be known.
    fn substituted(&mut self, list: &[Pipeline], fed: Input) -> Option<String> {
        let (input, output, sends) =
            (std::mem::replace(&mut self.input, fed), self.output.take(), self.sends);
        self.deeper(|walk| walk.list(list));
        let told = self.output.take();
        (self.input, self.output, self.sends) = (input, output, sends);
        told.map(|text| text.trim_end_matches('\n').to_owned())
    }
}

fn append(fields: &mut [Field], piece: &Field) {
    if let Some(last) = fields.last_mut() {
        last.text.push_str(&piece.text);
        last.dynamic |= piece.dynamic;
        last.secret |= piece.secret;
        last.told |= piece.told;
    }
}

/// Whether a variable of the environment is named as what holds a secret.
fn says_secret(name: &str) -> bool {
    const ENDS: [&str; 8] =
        ["_KEY", "_TOKEN", "_SECRET", "_PASSWORD", "_PASSWD", "_PASS", "_CREDENTIALS", "_API_KEY_ID"];
    ENDS.iter().any(|end| name.ends_with(end) || name == end.trim_start_matches('_'))
}

/// Writes `{a,b}` out; whether it is all written out, and not only as much as a word may become.
fn braces(text: &str, depth: usize, into: &mut Vec<String>) -> bool {
    let parts = text.split_once('{').and_then(|(before, rest)| {
        let (inner, after) = rest.split_once('}')?;
        inner.contains(',').then_some((before, inner, after))
    });
    let Some((before, inner, after)) = parts else {
        into.push(text.to_owned());
        return true;
    };
    if depth >= 8 {
        into.push(text.to_owned());
        return false;
    }
    for one in inner.split(',') {
        if into.len() >= FIELDS || into.len() * text.len() > BYTES {
            return false;
        }
        if !braces(&format!("{before}{one}{after}"), depth + 1, into) {
            return false;
        }
    }
    true
}

/// A text as one word of a script.
pub(super) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What `echo` and `printf` put out.
pub(super) fn printed(name: &str, fields: &[Field]) -> Option<String> {
    if fields.iter().any(|field| field.dynamic) {
        return None;
    }
    let mut words = fields.iter().skip(1).map(|field| field.text.as_str()).peekable();
    if name == "echo" {
        let mut escapes = false;
        while let Some(option) = words.next_if(|word| matches!(*word, "-n" | "-e" | "-E" | "-ne" | "-en")) {
            escapes |= option.contains('e');
        }
        let text = words.collect::<Vec<_>>().join(" ");
        return Some(if escapes { unescaped(&text) } else { text });
    }
    let format = unescaped(words.next()?);
    let mut out = String::new();
    let mut rest = format.chars();
    while let Some(letter) = rest.next() {
        match letter {
            '%' => match rest.next()? {
                '%' => out.push('%'),
                's' | 'd' | 'i' => out.push_str(words.next().unwrap_or_default()),
                'b' => out.push_str(&unescaped(words.next().unwrap_or_default())),
                _ => return None,
            },
            letter => out.push(letter),
        }
    }
    Some(out)
}
