//! Shell text as commands: lists, pipelines, compounds, functions, here-documents, words with all that stands in them.
//!
//! One pass over the characters, with its own count of nesting, so that no input makes it recurse beyond [`DEPTH`]. Branches are
//! not told apart: what may run, counts. What is no shell is refused with a reason, and the caller takes it for unknown.

use std::rc::Rc;

use super::word::{Part, Word};

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
                self.at += self.keyword().len();
                self.blanks();
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
        Ok(Some(Redirect { kind, target }))
    }

    fn count(&mut self) -> Parsed<()> {
        self.words += 1;
        if self.words > WORDS { Err("too_long") } else { Ok(()) }
    }

    /// The next word; `None` where there is none.
    fn word(&mut self) -> Parsed<Option<Word>> {
        self.count()?;
        let mut word = Word::default();
        let mut any = false;
        while let Some(next) = self.peek() {
            match next {
                '<' | '>' if self.rest().get(1..2) == Some("(") => {
                    self.at += 2;
                    let list = self.inner()?;
                    word.0.push(Part::Process(list));
                }
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>' => break,
                '\'' => {
                    self.count()?;
                    word.0.push(self.apostrophes()?);
                }
                '"' => {
                    self.count()?;
                    self.bump();
                    word.0.push(Part::Text(String::new(), true));
                    while self.peek() != Some('"') {
                        self.quoted(&mut word, true)?;
                    }
                    self.bump();
                }
                '$' if self.rest().starts_with("$'") => {
                    self.at += 2;
                    self.count()?;
                    self.escaped(&mut word)?;
                }
                '$' if self.rest().starts_with("$\"") => {
                    self.at += 1;
                    continue;
                }
                '$' | '`' => self.dollar(&mut word, false)?,
                '\\' => {
                    self.bump();
                    match self.bump() {
                        Some('\n') => continue,
                        Some(letter) => word.push(letter, true),
                        None => word.push('\\', true),
                    }
                }
                letter => {
                    self.bump();
                    word.push(letter, false);
                }
            }
            any = true;
        }
        Ok(any.then_some(word))
    }

    /// What stands between single quotes.
    fn apostrophes(&mut self) -> Parsed<Part> {
        self.bump();
        let end = self.rest().find('\'').ok_or("malformed")?;
        let text = self.rest().get(..end).unwrap_or_default().to_owned();
        self.at += end + 1;
        Ok(Part::Text(text, true))
    }

    /// One step within double quotes.
    fn quoted(&mut self, word: &mut Word, ends: bool) -> Parsed<()> {
        match self.peek() {
            None if ends => Err("malformed"),
            None => Ok(()),
            Some('$' | '`') => self.dollar(word, true),
            Some('\\') => {
                self.bump();
                match self.bump() {
                    Some('\n') => {}
                    Some(letter @ ('$' | '`' | '"' | '\\')) => word.push(letter, true),
                    Some(letter) => {
                        word.push('\\', true);
                        word.push(letter, true);
                    }
                    None => word.push('\\', true),
                }
                Ok(())
            }
            Some(letter) => {
                self.bump();
                word.push(letter, true);
                Ok(())
            }
        }
    }

    /// `$'...'`.
    fn escaped(&mut self, word: &mut Word) -> Parsed<()> {
        let end = {
            let mut escape = false;
            self.rest().find(|c| {
                let ends = c == '\'' && !escape;
                escape = c == '\\' && !escape;
                ends
            })
        }
        .ok_or("malformed")?;
        let text = self.rest().get(..end).unwrap_or_default();
        self.at += end + 1;
        word.0.push(Part::Text(super::word::unescaped(text), true));
        Ok(())
    }

    /// What follows a `$`, or a command between back quotes.
    fn dollar(&mut self, word: &mut Word, quoted: bool) -> Parsed<()> {
        self.count()?;
        if self.eat("`") {
            return self.back_quoted(word, quoted);
        }
        if self.rest().starts_with("$((")
            && let Some(end) = self.rest().find("))")
        {
            let inner = self.rest().get(3..end).unwrap_or_default();
            if !inner.contains("$(") && !inner.contains('`') && !inner.contains('(') {
                self.at += end + 2;
                word.0.push(Part::Number);
                return Ok(());
            }
        }
        if self.eat("$(") {
            let list = self.inner()?;
            word.0.push(Part::Output(list, quoted));
            return Ok(());
        }
        if self.eat("${") {
            return self.deeper(|parser| parser.braced(word, quoted));
        }
        self.bump();
        match self.peek() {
            Some(letter) if letter.is_ascii_alphabetic() || letter == '_' => {
                let rest = self.rest();
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
                word.0.push(Part::Variable(rest.get(..end).unwrap_or_default().to_owned(), None, quoted));
                self.at += end;
            }
            Some(letter) if letter.is_ascii_digit() || "@*#?$!-".contains(letter) => {
                self.bump();
                word.0.push(Part::Variable(letter.to_string(), None, quoted));
            }
            _ => word.push('$', quoted),
        }
        Ok(())
    }

    /// The list of a substitution, and its `)`.
    fn inner(&mut self) -> Parsed<Vec<Pipeline>> {
        let (heredocs, bodies) = (std::mem::take(&mut self.heredocs), std::mem::take(&mut self.bodies));
        let mut list = self.deeper(|parser| parser.list(&[]))?;
        self.fill(&mut list);
        (self.heredocs, self.bodies) = (heredocs, bodies);
        if self.eat(")") { Ok(list) } else { Err("malformed") }
    }

    fn back_quoted(&mut self, word: &mut Word, quoted: bool) -> Parsed<()> {
        let mut text = String::new();
        loop {
            match self.bump().ok_or("malformed")? {
                '`' => break,
                '\\' => match self.bump().ok_or("malformed")? {
                    letter @ ('`' | '\\' | '$') => text.push(letter),
                    letter => {
                        text.push('\\');
                        text.push(letter);
                    }
                },
                letter => text.push(letter),
            }
        }
        if self.depth >= DEPTH {
            return Err("too_deep");
        }
        let mut inner = Parser::new(&text, self.depth + 1);
        (inner.commands, inner.words) = (self.commands, self.words);
        word.0.push(Part::Output(inner.script()?, quoted));
        Ok(())
    }

    /// `${name}`, `${name:-default}` and other forms.
    fn braced(&mut self, word: &mut Word, quoted: bool) -> Parsed<()> {
        let indirect = self.eat("!");
        let length = self.rest().starts_with('#') && !self.rest().starts_with("#}") && self.eat("#");
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let end = if end == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { end };
        let name = rest.get(..end).unwrap_or_default().to_owned();
        self.at += end;
        let mark: String = self.rest().chars().take_while(|c| ":-=+?#%/^,@[".contains(*c)).take(2).collect();
        self.at += mark.len();
        let mut inner = Word::default();
        while self.peek() != Some('}') {
            match self.peek().ok_or("malformed")? {
                '\'' if !quoted => inner.0.push(self.apostrophes()?),
                '"' => {
                    self.bump();
                }
                _ => self.quoted(&mut inner, true)?,
            }
        }
        self.bump();
        let part = match mark.as_str() {
            "" if !indirect && !length => Part::Variable(name, None, quoted),
            ":-" | "-" | ":=" | "=" if !indirect => Part::Variable(name, Some(inner), quoted),
            ":+" | "+" if !indirect => Part::Either(inner),
            _ if length => Part::Number,
            _ => Part::Changed(inner),
        };
        word.0.push(part);
        Ok(())
    }
}

/// `name=` at the start of a text, and how long it is.
fn assignment(text: &str) -> Option<(String, usize)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
    let name =
        text.get(..end).filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))?;
    let rest = text.get(end..)?;
    if rest.starts_with('=') {
        return Some((name.to_owned(), end + 1));
    }
    if rest.starts_with("+=") {
        return Some((name.to_owned(), end + 2));
    }
    let index = rest.strip_prefix('[')?;
    let length = index.find(|c: char| !c.is_ascii_alphanumeric())?;
    index.get(length..)?.starts_with("]=").then(|| (name.to_owned(), end + length + 3))
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
