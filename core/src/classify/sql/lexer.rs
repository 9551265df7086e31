//! Text to tokens, by the lexical rules of the dialect. Comments go, what only looks like one stays, names and strings are
//! decoded, and the caps hold: whatever reads the tokens after this may recurse as deep as [`NESTING`].

use std::borrow::Cow;

use super::Dialect;

/// Most bytes of one text.
pub(super) const BYTES: usize = 1 << 20;
/// Deepest parentheses.
pub(super) const NESTING: usize = 64;
/// Most statements of one text.
pub(super) const STATEMENTS: usize = 256;
/// Most tokens of one text, rows and arrays of constants told short.
const TOKENS: usize = 1 << 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword or a bare name.
    Word,
    /// A quoted name.
    Name,
    /// A string.
    Text,
    Number,
    /// A value that comes later: `$1`, `?`, `:name`, `@name`, `%s`.
    Parameter,
    Operator,
    Open,
    Close,
    Comma,
    Dot,
    Semicolon,
}

#[derive(Debug, Clone)]
pub(super) struct Token<'a> {
    pub kind: Kind,
    pub text: Cow<'a, str>,
    /// For [`Kind::Open`]: how many tokens further its partner is.
    pub mate: usize,
    /// For [`Kind::Open`]: how many rows of constants followed this one and were left out. For [`Kind::Parameter`]: how many came before it.
    pub more: u32,
    /// Whether it is a sign right behind another one: both may be one operator that is not known here, such as `@>`.
    pub glued: bool,
}

impl Token<'_> {
    pub(super) fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub(super) fn any(&self, words: &[&str]) -> bool {
        self.kind == Kind::Word && words.iter().any(|word| self.text.eq_ignore_ascii_case(word))
    }

    pub(super) fn names(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Name)
    }

    /// Whether it may stand in a row of constants. A text that is written like a vector is worth reading.
    fn plain(&self) -> bool {
        match self.kind {
            Kind::Number | Kind::Parameter | Kind::Comma => true,
            Kind::Text => !self.text.trim_start().starts_with('['),
            Kind::Operator => matches!(&*self.text, "-" | "+"),
            Kind::Word => self.any(&["NULL", "TRUE", "FALSE", "DEFAULT"]),
            _ => false,
        }
    }

    /// How many rows stand in these parentheses and, left out, behind them.
    pub(super) fn rows(&self) -> u64 {
        if self.kind == Kind::Open { 1 + u64::from(self.more) } else { 0 }
    }

    /// Whether it names a type of vectors: `vector`, `halfvec`, `sparsevec`, `svector`.
    pub(super) fn is_vector_type(&self) -> bool {
        self.names() && self.text.to_ascii_lowercase().contains("vec")
    }

    pub(super) fn operator(&self, text: &str) -> bool {
        self.kind == Kind::Operator && self.text == text
    }

    /// Whether what follows is the value of what stands before: `a = 1`, `a := 1`, `a => 1`.
    pub(super) fn assigns(&self) -> bool {
        self.kind == Kind::Operator && matches!(&*self.text, "=" | ":=" | "=>")
    }
}

/// The tokens of a text.
///
/// # Errors
/// The reason why it has no reading.
pub(super) fn tokens(text: &str, dialect: Dialect) -> Result<Vec<Token<'_>>, &'static str> {
    if text.len() > BYTES {
        return Err("too_long");
    }
    if text.contains('\0') {
        return Err("control_character");
    }
    let mut lexer = Lexer {
        text,
        at: 0,
        dialect,
        live: false,
        sign: 0,
        parameters: 0,
        row: None,
        rows: None,
        lists: Vec::new(),
        out: Vec::new(),
    };
    lexer.run()?;
    let mut out = lexer.out;
    if matches!(dialect, Dialect::Snowflake | Dialect::Spark) {
        identifiers(&mut out);
    }
    pair(&mut out)?;
    Ok(out)
}

/// Puts a name where a text says it: `IDENTIFIER('shop.docs')` is `shop.docs`.
fn identifiers(tokens: &mut Vec<Token<'_>>) {
    if !tokens.iter().any(|token| token.is("IDENTIFIER")) {
        return;
    }
    let (mut out, mut at) = (Vec::with_capacity(tokens.len()), 0);
    while let Some(token) = tokens.get(at) {
        let Some([word, open, text, close]) = tokens.get(at..at + 4) else {
            out.push(token.clone());
            at += 1;
            continue;
        };
        let kinds = (open.kind, text.kind, close.kind);
        if !(word.is("IDENTIFIER") && kinds == (Kind::Open, Kind::Text, Kind::Close)) {
            out.push(token.clone());
            at += 1;
            continue;
        }
        for (nth, part) in text.text.split('.').enumerate() {
            let token = |kind, text| Token { kind, text, mate: 0, more: 0, glued: false };
            if nth > 0 {
                out.push(token(Kind::Dot, Cow::Borrowed(".")));
            }
            let plain = part.trim_matches(|c| c == '"' || c == '`').to_lowercase();
            out.push(token(Kind::Name, Cow::Owned(plain)));
        }
        at += 4;
    }
    *tokens = out;
}

/// Finds the partner of each parenthesis.
fn pair(tokens: &mut [Token<'_>]) -> Result<(), &'static str> {
    let mut open = Vec::new();
    let mut semicolons = 0;
    for at in 0..tokens.len() {
        match tokens.get(at).map(|token| token.kind) {
            Some(Kind::Open) => {
                open.push(at);
                if open.len() > NESTING {
                    return Err("too_deep");
                }
            }
            Some(Kind::Close) => {
                let from = open.pop().ok_or("unbalanced")?;
                if let Some(token) = tokens.get_mut(from) {
                    token.mate = at - from;
                }
            }
            Some(Kind::Semicolon) => {
                semicolons += 1;
                if semicolons > STATEMENTS {
                    return Err("too_many_statements");
                }
            }
            _ => {}
        }
    }
    if open.is_empty() { Ok(()) } else { Err("unbalanced") }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    dialect: Dialect,
    /// Within `/*! ... */`.
    live: bool,
    /// Where the last sign of an operator ended.
    sign: usize,
    /// How many parameters came so far.
    parameters: u32,
    /// Where parentheses opened in which nothing but constants and commas came so far.
    row: Option<usize>,
    /// Where such parentheses opened and closed.
    rows: Option<(usize, usize)>,
    /// The brackets and parentheses that are open in a text of DuckDB.
    lists: Vec<List>,
    out: Vec<Token<'a>>,
}

/// What came in brackets: `[x + 1 FOR x IN list IF x > 0]`.
#[derive(Default)]
struct List {
    bracket: bool,
    /// Where `FOR`, `IN` and `IF` stand, if at all.
    words: [Option<usize>; 3],
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn push(&mut self, kind: Kind, text: impl Into<Cow<'a, str>>) {
        let mut token = Token { kind, text: text.into(), mate: 0, more: 0, glued: false };
        if self.dialect == Dialect::DuckDb {
            self.listed(&token);
        }
        match kind {
            Kind::Open => self.row = Some(self.out.len()),
            Kind::Close if self.row_closes() => return,
            Kind::Parameter => {
                token.more = self.parameters;
                self.parameters = self.parameters.saturating_add(1);
            }
            _ if self.row.is_some() && !token.plain() && !self.casts(&token) => self.row = None,
            _ => {}
        }
        self.out.push(token);
    }

    /// A list that is made of another one reads as the list of all that it names: `[x + 1 FOR x IN l IF x > 0]` as
    /// `[x + 1, x, l, x > 0]`. What it looks at is the same, and no clause of a query begins in it.
    fn listed(&mut self, token: &Token<'_>) {
        const WORDS: [&str; 3] = ["FOR", "IN", "IF"];
        let here = self.out.len();
        match token.kind {
            Kind::Open => self.lists.push(List::default()),
            Kind::Operator if token.operator("[") => {
                self.lists.push(List { bracket: true, ..List::default() })
            }
            Kind::Operator if token.operator("]") => {
                let [Some(first), Some(second), third] = self.lists.pop().unwrap_or_default().words else {
                    return;
                };
                for place in [Some(first), Some(second), third].into_iter().flatten() {
                    if let Some(word) = self.out.get_mut(place) {
                        (word.kind, word.text) = (Kind::Comma, Cow::Borrowed(","));
                    }
                }
            }
            Kind::Close => drop(self.lists.pop()),
            Kind::Word => {
                let Some(list) = self.lists.last_mut().filter(|list| list.bracket) else { return };
                let places = list.words.iter_mut().zip(WORDS);
                // Each in its turn, behind the one before.
                let mut before = true;
                for (place, word) in places {
                    if before && place.is_none() && token.is(word) {
                        *place = Some(here);
                    }
                    before &= place.is_some_and(|place| place < here);
                }
            }
            _ => {}
        }
    }

    /// Whether a token belongs to a cast of a constant: `$1::TIMESTAMP WITHOUT TIME ZONE`.
    fn casts(&self, token: &Token<'_>) -> bool {
        let mut back =
            self.out.iter().rev().skip_while(|before| token.kind == Kind::Word && before.kind == Kind::Word);
        match token.kind {
            Kind::Operator => {
                token.operator("::") && back.next().is_some_and(|before| before.kind != Kind::Open)
            }
            Kind::Word => !token.is_vector_type() && back.next().is_some_and(|before| before.operator("::")),
            _ => false,
        }
    }

    /// Ends parentheses. A row of constants behind another one is counted there and left out: `VALUES (1, 'a'), (2, 'b')`
    /// says no more than its first row and a number. Whether it was left out.
    fn row_closes(&mut self) -> bool {
        let Some(open) = self.row.take() else { return false };
        if let Some((first, end)) = self.rows
            && open == end + 2
            && self.out.get(end + 1).is_some_and(|token| token.kind == Kind::Comma)
            && self.follows_values(first)
            && let Some(token) = self.out.get_mut(first)
        {
            token.more = token.more.saturating_add(1);
            self.out.truncate(end + 1);
            return true;
        }
        self.rows = Some((open, self.out.len()));
        false
    }

    fn follows_values(&self, open: usize) -> bool {
        open.checked_sub(1)
            .and_then(|before| self.out.get(before))
            .is_some_and(|token| token.any(&["VALUES", "VALUE"]))
    }

    fn take(&mut self, kind: Kind, length: usize) {
        let text = self.rest().get(..length).unwrap_or("");
        self.at += length.max(1);
        self.push(kind, text);
    }

    fn run(&mut self) -> Result<(), &'static str> {
        while let Some(byte) = self.peek(0) {
            if self.out.len() > TOKENS {
                return Err("too_complex");
            }
            let next = self.peek(1);
            match byte {
                b'-' if next == Some(b'-') && self.dashes() => self.line(),
                b'#' if self.dialect.hash_comments() => self.line(),
                b'/' if next == Some(b'*') => self.comment()?,
                b'*' if self.live && next == Some(b'/') => {
                    self.live = false;
                    self.at += 2;
                }
                b'\'' => {
                    let text = self.quoted(b'\'', self.dialect.backslashes())?;
                    self.push(Kind::Text, text);
                }
                b'"' if self.dialect.double_quoted_strings() => {
                    let text = self.quoted(b'"', self.dialect.backslashes())?;
                    self.push(Kind::Text, text);
                }
                b'"' => self.name(b'"')?,
                b'`' if self.dialect.backticks() => self.name(b'`')?,
                b'[' if self.dialect.brackets() => self.name(b']')?,
                b'$' => self.dollar()?,
                b'(' => self.take(Kind::Open, 1),
                b')' => self.take(Kind::Close, 1),
                b',' => self.take(Kind::Comma, 1),
                b';' => self.take(Kind::Semicolon, 1),
                b'.' if !next.is_some_and(|b| b.is_ascii_digit()) || self.after_name() => {
                    self.take(Kind::Dot, 1);
                }
                b'0'..=b'9' | b'.' => self.number(),
                b'?' => self.sign(Kind::Parameter, 1),
                b':' | b'@' if next.is_some_and(starts_word) => {
                    let length = 1 + word_length(self.rest().get(1..).unwrap_or(""));
                    self.take(Kind::Parameter, length);
                }
                // `@@version`, a setting or a state of the server.
                b'@' if next == Some(b'@') && self.peek(2).is_some_and(starts_word) => {
                    let length = 2 + word_length(self.rest().get(2..).unwrap_or(""));
                    self.take(Kind::Parameter, length);
                }
                b'%' if next == Some(b's') && !self.peek(2).is_some_and(starts_word) => {
                    self.take(Kind::Parameter, 2);
                }
                // `%(name)s`, as drivers of Python have it; `:1`, by its place.
                b'%' if next == Some(b'(') && self.formatted().is_some() => {
                    let length = self.formatted().unwrap_or(1);
                    self.take(Kind::Parameter, length);
                }
                b':' if next.is_some_and(|b| b.is_ascii_digit()) && self.places() => {
                    let digits = self.rest().bytes().skip(1).take_while(u8::is_ascii_digit).count();
                    self.take(Kind::Parameter, 1 + digits);
                }
                // A table of the session.
                b'#' if matches!(self.dialect, Dialect::SqlServer | Dialect::Redshift)
                    && next.is_some_and(|b| starts_word(b) || b == b'#') =>
                {
                    self.take(Kind::Word, word_length(self.rest()));
                }
                _ if starts_word(byte) => self.word()?,
                _ if byte.is_ascii_whitespace() => self.at += 1,
                _ => self.operator(),
            }
        }
        if self.live { Err("open_comment") } else { Ok(()) }
    }

    /// Whether what comes is the name of a table, in which BigQuery's projects may have dashes: `FROM my-project.shop.items`.
    fn names_table(&self) -> bool {
        self.out.last().is_some_and(|before| {
            before.any(&["FROM", "JOIN", "INTO", "UPDATE", "TABLE", "VIEW", "MERGE", "EXISTS"])
        })
    }

    fn after_name(&self) -> bool {
        self.out.last().is_some_and(Token::names)
    }

    /// The length of a parameter `%(name)s` that begins here.
    fn formatted(&self) -> Option<usize> {
        let name = word_length(self.rest().get(2..)?);
        let ends = self.rest().get(2 + name..)?.strip_prefix(")s")?;
        (name > 0 && !ends.bytes().next().is_some_and(starts_word)).then_some(name + 4)
    }

    /// Whether parameters go by their place here, and no path into a document can stand here.
    fn places(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.text.as_bytes().get(at));
        matches!(self.dialect, Dialect::Oracle | Dialect::Snowflake)
            && before.is_none_or(|byte| byte.is_ascii_whitespace() || b"(,=<>+-*/|".contains(byte))
    }

    fn dashes(&self) -> bool {
        !self.dialect.spaced_dashes() || self.peek(2).is_none_or(|b| b.is_ascii_whitespace())
    }

    fn line(&mut self) {
        self.at += self.rest().find(['\n', '\r']).unwrap_or(self.rest().len());
    }

    fn comment(&mut self) -> Result<(), &'static str> {
        let live = self.dialect.live_comments();
        if live && matches!((self.peek(2), self.peek(3)), (Some(b'!'), _) | (Some(b'M'), Some(b'!'))) {
            self.at += 3 + usize::from(self.peek(2) == Some(b'M'));
            let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
            self.at += if (5..=6).contains(&digits) { digits } else { 0 };
            self.live = true;
            return Ok(());
        }
        let mut depth = 0_usize;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some(b'/'), Some(b'*')) if depth == 0 || self.dialect.nests_comments() => {
                    depth += 1;
                    self.at += 2;
                }
                (Some(b'*'), Some(b'/')) => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                (Some(_), _) => self.at += 1,
                (None, _) => return Err("open_comment"),
            }
        }
    }

    /// The content of a string or quoted name that begins here; a doubled quote is one.
    fn quoted(&mut self, close: u8, backslashes: bool) -> Result<Cow<'a, str>, &'static str> {
        self.at += 1;
        let from = self.at;
        let mut own: Option<String> = None;
        let mut copied = from;
        loop {
            match self.peek(0) {
                None => return Err("open_string"),
                Some(b'\\') if backslashes => {
                    let own = own.get_or_insert_with(String::new);
                    own.push_str(self.text.get(copied..self.at).unwrap_or(""));
                    let escaped = self.text.get(self.at + 1..).and_then(|rest| rest.chars().next());
                    let escaped = escaped.ok_or("open_string")?;
                    own.push(match escaped {
                        'n' => '\n',
                        't' => '\t',
                        'r' => '\r',
                        other => other,
                    });
                    self.at += 1 + escaped.len_utf8();
                    copied = self.at;
                }
                Some(byte) if byte == close && self.peek(1) == Some(close) => {
                    let own = own.get_or_insert_with(String::new);
                    own.push_str(self.text.get(copied..=self.at).unwrap_or(""));
                    self.at += 2;
                    copied = self.at;
                }
                Some(byte) if byte == close => break,
                Some(_) => self.at += 1,
            }
        }
        let tail = self.text.get(copied..self.at).unwrap_or("");
        self.at += 1;
        Ok(match own {
            Some(own) => Cow::Owned(own + tail),
            None => Cow::Borrowed(tail),
        })
    }

    fn name(&mut self, close: u8) -> Result<(), &'static str> {
        let name = self.quoted(close, false)?;
        self.push(Kind::Name, name);
        Ok(())
    }

    /// `$1`, `$tag$ ... $tag$`, or an operator.
    fn dollar(&mut self) -> Result<(), &'static str> {
        let rest = self.rest().get(1..).unwrap_or("");
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            // A column of a staged file in Snowflake, whose parameters have other signs.
            let kind = if self.dialect == Dialect::Snowflake { Kind::Word } else { Kind::Parameter };
            self.take(kind, 1 + digits);
            return Ok(());
        }
        let tag = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_' || *b >= 0x80).count();
        if self.dialect.dollar_quotes() && rest.as_bytes().get(tag) == Some(&b'$') {
            let fence = self.rest().get(..tag + 2).ok_or("open_string")?;
            let inside = self.rest().get(tag + 2..).ok_or("open_string")?;
            let length = inside.find(fence).ok_or("open_string")?;
            self.at += 2 * fence.len() + length;
            self.push(Kind::Text, inside.get(..length).unwrap_or(""));
            return Ok(());
        }
        self.take(if tag > 0 { Kind::Parameter } else { Kind::Operator }, 1 + tag);
        Ok(())
    }

    fn number(&mut self) {
        let mut previous = b'0';
        let length = self.rest().bytes().take_while(|byte| {
            let exponent = matches!(previous, b'e' | b'E') && matches!(byte, b'+' | b'-');
            previous = *byte;
            exponent || byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_')
        });
        let length = length.count();
        self.take(Kind::Number, length);
        self.array();
    }

    /// The numbers of an array behind its second one are passed over: `[0.1, 0.2, ...]` says no more than these.
    fn array(&mut self) {
        let mut back = self.out.iter().rev().filter(|token| !(token.operator("-") || token.operator("+")));
        let is = |token: Option<&Token<'_>>, kind: Kind| token.is_some_and(|token| token.kind == kind);
        let two =
            is(back.next(), Kind::Number) && is(back.next(), Kind::Comma) && is(back.next(), Kind::Number);
        if !(two && back.next().is_some_and(|token| token.operator("["))) {
            return;
        }
        let rest = self.rest();
        let length =
            rest.bytes().take_while(|byte| byte.is_ascii_digit() || b".,+-eE \t\r\n".contains(byte)).count();
        let passed = rest.as_bytes().get(..length).unwrap_or_default();
        // `--` begins a comment, and what follows is read like anything else where no `]` does.
        if rest.as_bytes().get(length) == Some(&b']') && !passed.windows(2).any(|pair| pair == b"--") {
            self.at += length;
            let more = passed.iter().filter(|byte| **byte == b',').count();
            if let Some(second) = self.out.last_mut() {
                second.more = u32::try_from(more).unwrap_or(u32::MAX);
            }
        }
    }

    /// A word; or a string or name with a prefix: `E'..'`, `N'..'`, `B'..'`, `X'..'`, `r'..'`, `U&'..'`, `U&".."`, `q'[..]'`.
    fn word(&mut self) -> Result<(), &'static str> {
        let mut length = word_length(self.rest());
        if self.dialect == Dialect::BigQuery && self.peek(length) == Some(b'-') && self.names_table() {
            length = dashed(self.rest());
        }
        let word = self.rest().get(..length).unwrap_or("");
        let after = self.peek(length);
        if length == 1
            && after == Some(b'\'')
            && word.contains(['e', 'E', 'n', 'N', 'b', 'B', 'x', 'X', 'r', 'R'])
        {
            self.at += 1;
            let raw = word.eq_ignore_ascii_case("r");
            let escapes = word.eq_ignore_ascii_case("e") || (!raw && self.dialect.backslashes());
            let text = self.quoted(b'\'', escapes)?;
            self.push(Kind::Text, text);
        } else if length == 1
            && word.eq_ignore_ascii_case("u")
            && after == Some(b'&')
            && matches!(self.peek(2), Some(b'\'' | b'"'))
        {
            let quote = self.peek(2).unwrap_or(b'\'');
            self.at += 2;
            let written = self.quoted(quote, false)?;
            let text = unicode(&written, self.escape()?)?;
            self.push(if quote == b'"' { Kind::Name } else { Kind::Text }, text);
        } else if word.eq_ignore_ascii_case("q") && after == Some(b'\'') && self.dialect == Dialect::Oracle {
            let open = self.rest().get(2..).and_then(|rest| rest.chars().next()).ok_or("open_string")?;
            let close = match open {
                '[' => ']',
                '(' => ')',
                '{' => '}',
                '<' => '>',
                other => other,
            };
            let inside = self.rest().get(2 + open.len_utf8()..).ok_or("open_string")?;
            let length = inside.find(&format!("{close}'")).ok_or("open_string")?;
            self.at += 2 + open.len_utf8() + length + close.len_utf8() + 1;
            self.push(Kind::Text, inside.get(..length).unwrap_or(""));
        } else {
            self.take(Kind::Word, length);
        }
        Ok(())
    }

    /// The sign that begins an escape of the text before: a backslash, or what `UESCAPE '!'` says.
    fn escape(&mut self) -> Result<char, &'static str> {
        let back = self.at;
        self.blank()?;
        let length = word_length(self.rest());
        if !self.rest().get(..length).is_some_and(|word| word.eq_ignore_ascii_case("uescape")) {
            self.at = back;
            return Ok('\\');
        }
        self.at += length;
        self.blank()?;
        let mut told = self.rest().strip_prefix('\'').ok_or("bad_escape")?.chars();
        let sign = told.next().filter(|sign| {
            !(sign.is_ascii_hexdigit() || sign.is_whitespace() || matches!(sign, '+' | '\'' | '"'))
        });
        let sign = sign.filter(|_| told.as_str().starts_with('\'')).ok_or("bad_escape")?;
        self.at += 2 + sign.len_utf8();
        Ok(sign)
    }

    /// Passes over what separates two words.
    fn blank(&mut self) -> Result<(), &'static str> {
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some(b'-'), Some(b'-')) if self.dashes() => self.line(),
                (Some(b'/'), Some(b'*')) => self.comment()?,
                (Some(byte), _) if byte.is_ascii_whitespace() => self.at += 1,
                _ => return Ok(()),
            }
        }
    }

    fn operator(&mut self) {
        const LONG: [&str; 17] = [
            "<->", "<=>", "<#>", "<+>", "<~>", "<%>", "->>", "::", ":=", "==", "=>", "<=", ">=", "<>", "!=",
            "||", "->",
        ];
        let rest = self.rest();
        let long = LONG.iter().find(|operator| rest.starts_with(**operator));
        if long.is_some_and(|long| *long == "==" || *long == "<=>" && self.dialect.equal_nulls()) {
            // Spellings of `=`, of which one takes a null for equal to another.
            self.at += long.map_or(0, |long| long.len());
            return self.push(Kind::Operator, "=");
        }
        let length =
            long.map(|long| long.len()).or_else(|| rest.chars().next().map(char::len_utf8)).unwrap_or(1);
        self.sign(Kind::Operator, length);
    }

    /// Takes a sign. Right behind another one it may belong to that.
    fn sign(&mut self, kind: Kind, length: usize) {
        const SIGNS: &[u8] = b"~!@#%^&|?<>=+-*/";
        let before = self.sign.checked_sub(1).and_then(|at| self.text.as_bytes().get(at)).copied();
        let first = self.peek(0);
        let signs = [before, first].iter().flatten().all(|byte| SIGNS.contains(byte));
        let apart = match (before, first) {
            (Some(b'-'), Some(b'-')) | (Some(b'/'), Some(b'*')) => true,
            // A parameter, but for the few operators that have such a sign.
            (before, Some(b'?')) => before != Some(b'@'),
            (Some(b'?'), first) => length > 1 || !matches!(first, Some(b'|' | b'&')),
            _ => false,
        };
        let glued = self.sign == self.at && signs && !apart;
        self.take(kind, length);
        self.sign = self.at;
        if let Some(token) = self.out.last_mut() {
            token.glued = glued;
        }
    }
}

fn starts_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn word_length(text: &str) -> usize {
    text.bytes()
        .take_while(|byte| starts_word(*byte) || byte.is_ascii_digit() || matches!(byte, b'$' | b'#'))
        .count()
}

/// The length of a name with dashes in it.
fn dashed(text: &str) -> usize {
    let mut length = word_length(text);
    while let Some(more) = text.get(length..).and_then(|rest| rest.strip_prefix('-')) {
        let next = more.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        if next == 0 {
            break;
        }
        length += 1 + next;
    }
    length
}

/// Decodes `\0041` and `\+000041`, where `sign` is the backslash.
fn unicode(text: &str, sign: char) -> Result<String, &'static str> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(sign) {
        out.push_str(before);
        if let Some(more) = after.strip_prefix(sign) {
            out.push(sign);
            rest = more;
            continue;
        }
        let (digits, skip) = if after.starts_with('+') { (after.get(1..7), 7) } else { (after.get(..4), 4) };
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        out.push(code.ok_or("bad_escape")?);
        rest = after.get(skip..).unwrap_or("");
    }
    out.push_str(rest);
    Ok(out)
}
