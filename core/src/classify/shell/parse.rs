//! Shell text as commands: lists, pipelines, compounds, functions, here-documents, words with all that stands in them.
//!
//! One pass over the characters, with its own count of nesting, so that no input makes it recurse beyond [`DEPTH`]. Branches are
//! not told apart: what may run, counts. What is no shell is refused with a reason, and the caller takes it for unknown.

mod words;

use std::rc::Rc;

use super::word::{Part, Word};
use words::assignment;

/// How deep substitutions, groups and compounds may stand in each other.
const DEPTH: usize = 32;

/// How many commands one script may have.
const COMMANDS: usize = 4_096;

/// How many words, and parts of words that are no plain letters, one script may have.
const WORDS: usize = 32_768;

/// Commands whose output is the next one's input.
pub(super) type Pipeline = Vec<Stage>;

/// One command of a pipeline, and where its input and output go.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    pub(super) command: Command,
    pub(super) redirects: Vec<Redirect>,
}

#[derive(Debug, Clone)]
pub(super) enum Command {
    /// Assignments, then the name of a command and its arguments.
    Simple(Vec<(String, Word)>, Vec<Word>),
    /// Several pipelines: a group, a sub-shell, branches, the body of a loop; with a loop's variable and its values.
    Group(Vec<Pipeline>, Option<(String, Vec<Word>)>),
    Function(String, Rc<Vec<Pipeline>>),
}

#[derive(Debug, Clone)]
pub(super) struct Redirect {
    pub(super) kind: Kind,
    pub(super) target: Word,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `<`
    Read,
    /// `>`, `>>`, `&>`, `<>`
    Write,
    /// `<<`, `<<<`: the target is the text itself.
    Text,
    /// `2>`, `>&2`: messages, or another descriptor.
    Aside,
    /// `0>&1`, `<&3`: input from where another descriptor leads.
    Joined,
    /// `>&3`: output to where another descriptor leads.
    Handed,
}

type Parsed<T> = Result<T, &'static str>;

/// The pipelines of a script.
pub(super) fn script(text: &str) -> Parsed<Vec<Pipeline>> {
    if text.contains('\0') {
        return Err("not_text");
    }
    Parser::new(text, 0).script()
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    commands: usize,
    words: usize,
    /// Here-documents whose text begins behind the next line break: pipeline-local redirects wait for it.
    heredocs: Vec<Heredoc>,
    /// Texts of here-documents, in the order they were announced.
    bodies: Vec<Word>,
}

struct Heredoc {
    end: String,
    quoted: bool,
    tabs: bool,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str, depth: usize) -> Self {
        Self { text, at: 0, depth, commands: 0, words: 0, heredocs: Vec::new(), bodies: Vec::new() }
    }

    fn script(mut self) -> Parsed<Vec<Pipeline>> {
        let mut list = self.list(&[])?;
        if self.at < self.text.len() {
            return Err("malformed");
        }
        self.fill(&mut list);
        Ok(list)
    }

    /// Puts the texts of here-documents where they were announced.
    fn fill(&mut self, list: &mut [Pipeline]) {
        if self.bodies.is_empty() {
            return;
        }
        let mut bodies = std::mem::take(&mut self.bodies).into_iter();
        fill(list, &mut bodies);
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn eat(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEPTH {
            return Err("too_deep");
        }
        self.depth += 1;
        let done = read(self);
        self.depth -= 1;
        done
    }

    fn blanks(&mut self) {
        loop {
            if self.eat("\\\n") {
                continue;
            }
            match self.peek() {
                Some(' ' | '\t' | '\r') => {
                    self.bump();
                }
                Some('#') => {
                    let line = self.rest().find('\n').unwrap_or(self.rest().len());
                    self.at += line;
                }
                _ => return,
            }
        }
    }

    /// Blanks and line breaks; behind a line break stand the here-documents of the line.
    fn lines(&mut self) {
        loop {
            self.blanks();
            if self.peek() != Some('\n') {
                return;
            }
            self.newline();
        }
    }

    fn newline(&mut self) {
        self.bump();
        for here in std::mem::take(&mut self.heredocs) {
            let mut text = String::new();
            while self.at < self.text.len() {
                let end = self.rest().find('\n').map_or(self.rest().len(), |at| at + 1);
                let line = self.rest().get(..end).unwrap_or_default();
                self.at += end;
                let shown = if here.tabs { line.trim_start_matches('\t') } else { line };
                if shown.trim_end_matches('\n') == here.end {
                    break;
                }
                text.push_str(shown);
            }
            let word = if here.quoted {
                Word(vec![Part::Text(text, true)])
            } else {
                Parser::new(&text, self.depth).quoted_text().unwrap_or(Word(vec![Part::Unknown]))
            };
            self.bodies.push(word);
        }
    }

    /// The whole text, as it would stand between double quotes.
    fn quoted_text(mut self) -> Parsed<Word> {
        let mut word = Word::default();
        while self.at < self.text.len() {
            self.quoted(&mut word, false)?;
        }
        Ok(word)
    }

    /// The next word without quotes, where it is one of the shell's own.
    fn keyword(&self) -> &'t str {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '{' | '}' | '!' | '[' | ']')));
        let word = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        let behind = rest.get(word.len()..).and_then(|rest| rest.chars().next());
        if behind.is_none_or(|c| c.is_whitespace() || ";&|()<>".contains(c)) { word } else { "" }
    }

    /// The next word as it is written, up to a blank.
    fn option(&self) -> &'t str {
        self.rest().split(char::is_whitespace).next().unwrap_or_default()
    }

    /// Pipelines up to the end, a `)`, or one of these words.
    fn list(&mut self, until: &[&str]) -> Parsed<Vec<Pipeline>> {
        let mut list = Vec::new();
        loop {
            self.lines();
            if self.at >= self.text.len()
                || self.peek() == Some(')')
                || self.rest().starts_with(";;")
                || self.rest().starts_with(";&")
            {
                return Ok(list);
            }
            if until.contains(&self.keyword()) {
                return Ok(list);
            }
            list.push(self.pipeline()?);
            self.blanks();
            let ended = ["&&", "||", "&"].iter().any(|mark| self.eat(mark))
                || (!self.rest().starts_with(";;") && !self.rest().starts_with(";&") && self.eat(";"));
            if !ended && self.peek() != Some('\n') {
                self.blanks();
                let closed = self.at >= self.text.len()
                    || self.peek() == Some(')')
                    || self.rest().starts_with(";;")
                    || self.rest().starts_with(";&")
                    || until.contains(&self.keyword());
                return if closed { Ok(list) } else { Err("malformed") };
            }
        }
    }

    fn pipeline(&mut self) -> Parsed<Pipeline> {
        let mut stages = Vec::new();
        loop {
            self.lines();
            while matches!(self.keyword(), "!" | "time" | "coproc") {
                let time = self.keyword() == "time";
                self.at += self.keyword().len();
                self.blanks();
                while time && matches!(self.option(), "-p" | "--") {
                    self.at += 2;
                    self.blanks();
                }
            }
            stages.push(self.stage()?);
            self.blanks();
            if self.rest().starts_with("||") || !(self.eat("|&") || self.eat("|")) {
                return Ok(stages);
            }
        }
    }

    fn stage(&mut self) -> Parsed<Stage> {
        self.commands += 1;
        if self.commands > COMMANDS {
            return Err("too_long");
        }
        let word = self.keyword();
        let compound =
            matches!(word, "{" | "if" | "while" | "until" | "for" | "select" | "case" | "function" | "[[");
        let command = if self.rest().starts_with("((") {
            self.arithmetic_command()?
        } else if compound || self.peek() == Some('(') {
            self.deeper(Self::compound)?
        } else {
            return self.simple();
        };
        let mut redirects = Vec::new();
        self.blanks();
        while let Some(redirect) = self.redirect()? {
            redirects.push(redirect);
            self.blanks();
        }
        Ok(Stage { command, redirects })
    }

    fn arithmetic_command(&mut self) -> Parsed<Command> {
        let end = self.rest().find("))").ok_or("malformed")?;
        let inner = self.rest().get(..end).unwrap_or_default();
        // Two groups may begin so, too, and an index may run a command.
        if inner.contains([';', '`', '\n']) || inner.contains("$(") {
            return Err("malformed");
        }
        self.at += end + 2;
        Ok(Command::Group(Vec::new(), None))
    }

    fn expect(&mut self, word: &str) -> Parsed<()> {
        self.lines();
        if self.keyword() == word {
            self.at += word.len();
            return Ok(());
        }
        Err("malformed")
    }

    fn compound(&mut self) -> Parsed<Command> {
        if self.eat("(") {
            let list = self.list(&[])?;
            return if self.eat(")") { Ok(Command::Group(list, None)) } else { Err("malformed") };
        }
        let word = self.keyword();
        self.at += word.len();
        match word {
            "{" => {
                let list = self.list(&["}"])?;
                self.expect("}")?;
                Ok(Command::Group(list, None))
            }
            "if" => {
                let mut list = self.list(&["then"])?;
                self.expect("then")?;
                loop {
                    list.extend(self.list(&["elif", "else", "fi", "then"])?);
                    self.lines();
                    let word = self.keyword();
                    self.at += word.len();
                    match word {
                        "fi" => return Ok(Command::Group(list, None)),
                        "elif" | "else" | "then" => {}
                        _ => return Err("malformed"),
                    }
                }
            }
            "while" | "until" => {
                let mut list = self.list(&["do"])?;
                list.extend(self.body()?);
                Ok(Command::Group(list, None))
            }
            "for" | "select" => self.each(),
            "case" => self.case(),
            "function" => {
                self.blanks();
                let name = self.name().ok_or("malformed")?;
                self.blanks();
                if self.eat("(") {
                    self.blanks();
                    if !self.eat(")") {
                        return Err("malformed");
                    }
                }
                self.function(name)
            }
            _ => self.test(),
        }
    }

    fn body(&mut self) -> Parsed<Vec<Pipeline>> {
        self.expect("do")?;
        let list = self.list(&["done"])?;
        self.expect("done")?;
        Ok(list)
    }

    fn each(&mut self) -> Parsed<Command> {
        self.blanks();
        if self.eat("((") {
            let end = self.rest().find("))").ok_or("malformed")?;
            self.at += end + 2;
            self.lines();
            self.eat(";");
            return Ok(Command::Group(self.body()?, None));
        }
        let name = self.name().ok_or("malformed")?;
        self.lines();
        let mut values = vec![Word(vec![Part::Unknown])];
        if self.keyword() == "in" {
            self.at += 2;
            values = Vec::new();
            self.blanks();
            while let Some(word) = self.word()? {
                values.push(word);
                self.blanks();
            }
        }
        self.lines();
        self.eat(";");
        Ok(Command::Group(self.body()?, Some((name, values))))
    }

    fn case(&mut self) -> Parsed<Command> {
        self.blanks();
        self.word()?;
        self.expect("in")?;
        let mut list = Vec::new();
        loop {
            self.lines();
            if self.keyword() == "esac" {
                self.at += 4;
                return Ok(Command::Group(list, None));
            }
            self.eat("(");
            loop {
                self.blanks();
                self.word()?.ok_or("malformed")?;
                self.blanks();
                if !self.eat("|") {
                    break;
                }
            }
            if !self.eat(")") {
                return Err("malformed");
            }
            list.extend(self.list(&["esac"])?);
            self.lines();
            let _ = self.eat(";;&") || self.eat(";;") || self.eat(";&");
        }
    }

    /// `[[ ... ]]`: nothing runs but what its words substitute.
    fn test(&mut self) -> Parsed<Command> {
        let mut words = vec![Word(vec![Part::Text("test".into(), true)])];
        loop {
            self.lines();
            if self.eat("]]") {
                return Ok(Command::Group(
                    vec![vec![Stage { command: Command::Simple(Vec::new(), words), redirects: Vec::new() }]],
                    None,
                ));
            }
            if ["&&", "||", "|", "(", ")", "<", ">"].iter().any(|mark| self.eat(mark)) {
                continue;
            }
            words.push(self.word()?.ok_or("malformed")?);
        }
    }

    fn function(&mut self, name: String) -> Parsed<Command> {
        self.lines();
        let body = self.deeper(Self::stage)?;
        Ok(Command::Function(name, Rc::new(vec![vec![body]])))
    }

    fn name(&mut self) -> Option<String> {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':')))
            .unwrap_or(rest.len());
        let name = rest.get(..end).filter(|name| !name.is_empty())?;
        self.at += end;
        Some(name.to_owned())
    }

    fn simple(&mut self) -> Parsed<Stage> {
        let (mut assigned, mut words, mut redirects) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            self.blanks();
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            if words.is_empty()
                && let Some((name, length)) = assignment(self.rest())
            {
                self.at += length;
                let value =
                    if self.peek() == Some('(') { self.array()? } else { self.word()?.unwrap_or_default() };
                assigned.push((name, value));
                continue;
            }
            // `declare -a list=(a b)`: a word like others but for the list.
            if declares(&words)
                && let Some((name, length)) = assignment(self.rest())
                && self.rest().get(length..).is_some_and(|rest| rest.starts_with('('))
            {
                self.at += length;
                let value = self.array()?;
                assigned.push((name, value));
                continue;
            }
            let before = self.at;
            let Some(word) = self.word()? else { break };
            if words.is_empty() && assigned.is_empty() {
                let name = self.text.get(before..self.at).unwrap_or_default();
                self.blanks();
                if self.eat("(") {
                    self.blanks();
                    if !self.eat(")") {
                        return Err("malformed");
                    }
                    let command = self.function(name.to_owned())?;
                    return Ok(Stage { command, redirects });
                }
            }
            words.push(word);
        }
        if assigned.is_empty() && words.is_empty() && redirects.is_empty() {
            return Err("malformed");
        }
        Ok(Stage { command: Command::Simple(assigned, words), redirects })
    }

    fn array(&mut self) -> Parsed<Word> {
        self.bump();
        let mut all = Word::default();
        loop {
            self.lines();
            if self.eat(")") {
                return Ok(all);
            }
            let word = self.word()?.ok_or("malformed")?;
            if !all.0.is_empty() {
                all.0.push(Part::Text(" ".into(), false));
            }
            all.0.extend(word.0);
        }
    }

    fn redirect(&mut self) -> Parsed<Option<Redirect>> {
        let rest = self.rest();
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (descriptor, rest) =
            (rest.get(..digits).unwrap_or_default(), rest.get(digits..).unwrap_or_default());
        const MARKS: [(&str, Kind); 12] = [
            ("<<<", Kind::Text),
            ("<<-", Kind::Text),
            ("<<", Kind::Text),
            ("<&", Kind::Aside),
            ("<>", Kind::Write),
            ("&>>", Kind::Write),
            ("&>", Kind::Write),
            (">>", Kind::Write),
            (">&", Kind::Aside),
            (">|", Kind::Write),
            ("<", Kind::Read),
            (">", Kind::Write),
        ];
        if rest.starts_with("<(") || rest.starts_with(">(") {
            return Ok(None);
        }
        let Some((mark, kind)) = MARKS.into_iter().find(|(mark, _)| rest.starts_with(mark)) else {
            return Ok(None);
        };
        self.at += digits + mark.len();
        self.blanks();
        if matches!(mark, "<<" | "<<-") {
            let before = self.at;
            self.word()?.ok_or("malformed")?;
            let raw = self.text.get(before..self.at).unwrap_or_default();
            let end: String = raw.chars().filter(|c| !matches!(c, '\'' | '"' | '\\')).collect();
            self.heredocs.push(Heredoc { quoted: end.len() != raw.len(), end, tabs: mark == "<<-" });
            return Ok(Some(Redirect { kind, target: Word(vec![Part::Here]) }));
        }
        let target = self.word()?.ok_or("malformed")?;
        // `2>` takes messages aside; a file is written all the same, but `2>/dev/null` and `2>&1` are everyday.
        let kind = if descriptor == "2" && kind == Kind::Write { Kind::Aside } else { kind };
        // `>&2` is a descriptor, `>& file` a file.
        let named = matches!(target.0.as_slice(), [Part::Text(text, _), ..] if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'));
        let opened = matches!(target.0.as_slice(), [Part::Text(text, _)] if text.parse::<u32>().is_ok_and(|descriptor| descriptor > 2));
        let kind = match mark {
            ">&" if named => Kind::Write,
            ">&" | "<&" if descriptor == "0" => Kind::Joined,
            "<&" if descriptor.is_empty() => Kind::Joined,
            ">&" if matches!(descriptor, "" | "1") && opened => Kind::Handed,
            _ => kind,
        };
        Ok(Some(Redirect { kind, target }))
    }

    fn count(&mut self) -> Parsed<()> {
        self.words += 1;
        if self.words > WORDS { Err("too_long") } else { Ok(()) }
    }
}

/// Whether the words begin a declaration of variables.
fn declares(words: &[Word]) -> bool {
    let first = words.first().map(|word| word.0.as_slice());
    matches!(first, Some([Part::Text(name, _)])
        if matches!(name.as_str(), "declare" | "typeset" | "local" | "readonly" | "export"))
}

fn fill(list: &mut [Pipeline], bodies: &mut std::vec::IntoIter<Word>) {
    for stage in list.iter_mut().flatten() {
        match &mut stage.command {
            Command::Group(inner, _) => fill(inner, bodies),
            Command::Function(_, inner) => {
                if let Some(inner) = Rc::get_mut(inner) {
                    fill(inner, bodies);
                }
            }
            Command::Simple(..) => {}
        }
        for redirect in &mut stage.redirects {
            if matches!(redirect.target.0.as_slice(), [Part::Here]) {
                redirect.target = bodies.next().unwrap_or(Word(vec![Part::Unknown]));
            }
        }
    }
}
