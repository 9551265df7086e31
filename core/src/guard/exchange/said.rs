//! Statements and commands: judged as a whole, sent by their host, which tells what comes back. So does the host of a call.
//!
//! Their text is not changed on its way, for another text does something else: where masking would change it, it does not pass. Of the text
//! the record has a keyed digest, never a word.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{Exchange, Phase};
use crate::audit::{Ending, Passed};
use crate::classify::{self, Classified};
use crate::guard::answer::Answer;
use crate::guard::body::{Body, DENIED};
use crate::guard::step::{Flow, LeaseRequest, ResponseBody, Step};
use crate::keys::KeyedDigest;
use crate::mask::{Format, Masker, Release};
use crate::model::{Census, Command, Line, Statement, Unit, Verdict};
use crate::policy::{Service, Side};

/// What is said to a service.
pub(in crate::guard) enum Said {
    Statement(Statement),
    Command(Command),
    /// Nothing: the host says itself what it does, and tells what came of it.
    Call,
}

/// What is said, and what the host tells of what came of it.
pub(super) struct Saying {
    said: Said,
    returned: Census,
    touched: u64,
    /// Whether anything was told.
    told: bool,
    results: Results,
}

/// Where the masking of what came back stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Results {
    Nothing,
    Begun,
    Ended,
}

impl Said {
    pub(in crate::guard) fn service(&self) -> &str {
        match self {
            Self::Statement(statement) => &statement.service,
            Self::Command(command) => &command.service,
            Self::Call => "",
        }
    }

    /// Everything that may hold values.
    fn texts(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Statement(Statement { text, parameters, .. }) if parameters.is_empty() => {
                text.as_bytes().into()
            }
            // Where a word or a text ends no value goes on.
            Self::Statement(Statement { text, parameters, .. }) => {
                [text.as_bytes(), parameters].join(&b"\n\n"[..]).into()
            }
            Self::Command(Command { line: Line::Script(text), .. }) => text.as_bytes().into(),
            Self::Command(Command { line: Line::Words(words), .. }) => words.join(&b"\n\n"[..]).into(),
            Self::Call => [].as_slice().into(),
        }
    }
}

impl Saying {
    fn of(said: Said) -> Self {
        Self { said, returned: Census::default(), touched: 0, told: false, results: Results::Nothing }
    }

    /// Everything of it that may hold values.
    pub(super) fn texts(&self) -> Cow<'_, [u8]> {
        self.said.texts()
    }

    /// What an approval is bound to, besides who asks where.
    pub(super) fn digest(&self, service: Option<&Service>, digest: &mut KeyedDigest) {
        match &self.said {
            Said::Statement(Statement { text, dialect, parameters, times, .. }) => {
                let dialect = dialect.or_else(|| service.and_then(|service| service.system.dialect()));
                digest.field(b"statement");
                digest.field(dialect.map_or("", |dialect| dialect.name()).as_bytes());
                digest.field(text.as_bytes());
                digest.field(parameters);
                // Where the values stay out, how often it runs does not.
                digest.field(&times.to_le_bytes());
            }
            Said::Command(Command { line: Line::Script(text), .. }) => {
                digest.field(b"script");
                digest.field(text.as_bytes());
            }
            Said::Command(Command { line: Line::Words(words), .. }) => {
                digest.field(b"words");
                words.iter().for_each(|word| digest.field(word));
            }
            Said::Call => {}
        }
    }
}

impl Exchange {
    pub(in crate::guard) fn with_said(mut self, said: Said) -> Self {
        self.said = Some(Box::new(Saying::of(said)));
        self
    }

    /// What is said. A call, which was judged by the acts that its host named, has something once it runs and its host tells what came of it.
    fn saying(&mut self) -> Option<&mut Saying> {
        if self.head.is_none() && self.sent && !matches!(self.phase, Phase::Finished) {
            return Some(self.said.get_or_insert_with(|| Box::new(Saying::of(Said::Call))));
        }
        self.said.as_deref_mut()
    }

    pub(super) fn classify_said(&mut self) -> Option<Step> {
        self.record.digest = self.request_digest();
        let Some(saying) = &self.said else { return Some(Step::Answer(self.refuse("guard_unavailable"))) };
        let classified = match (self.service().map(|service| service.system), &saying.said) {
            (None, _) => Ok(Classified::unknown()),
            (Some(system), Said::Statement(statement)) => Ok(classify::statement(system, statement)),
            (Some(system), Said::Command(command)) => classify::said(system, command),
            (Some(_), Said::Call) => Ok(Classified::unknown()),
        };
        self.classified(classified)
    }

    /// Looks for what must not pass in the text that is about to go: the answer where it holds such.
    pub(super) fn read_said(&mut self) -> Option<Answer> {
        let Ok(masking) = self.masking(Side::Request) else { return self.fail() };
        let (Some(saying), Some(runtime)) = (&self.said, &self.runtime) else { return self.fail() };
        if masking.plan.is_empty() {
            return None;
        }
        let mut masker = Masker::new(masking.plan.clone(), Format::Text, runtime.keys.clone(), None);
        if !self.enforces() {
            masker = masker.observing();
        }
        let (mut body, mut read) = (Body::masked(None, masker), Vec::new());
        let texts = saying.texts();
        let pushed = body.push(&texts, &mut read).map(|release| {
            if release == Release::Unchanged {
                read.extend_from_slice(&texts);
            }
        });
        if let Err(code) = pushed.and_then(|()| body.finish(&mut read)) {
            if code == DENIED {
                self.record.decided = Some(Verdict::Deny);
            }
            return Some(self.refuse(code));
        }
        self.request = body;
        let changed = *read != *texts && self.enforces() && masking.refuse_unmaskable;
        changed.then(|| self.refuse("unmaskable_request"))
    }

    /// Tells what of the results is about to be handed on: how many rows and vectors, and which ids. Ask before every part; what a grant's quota
    /// does not cover must not go on. Where a mask entry fits the results, they go through [`result`](Self::result) first.
    pub fn returned(&mut self, part: &Census) -> Flow {
        let canary = self.keeps_in_one_of(&part.ids);
        self.reported(canary, |saying| {
            saying.returned.add(part);
            part.vectors > 0 || part.rows > 0 || part.texts > 0
        })
    }

    /// Tells how many rows a statement wrote, changed or deleted.
    pub fn touched(&mut self, rows: u64) -> Flow {
        self.reported(false, |saying| {
            saying.touched = saying.touched.saturating_add(rows);
            false
        })
    }

    /// `note` answers whether it is something that may have to be masked; `canary`: it is nothing that may be handed on.
    fn reported(&mut self, canary: bool, note: impl FnOnce(&mut Saying) -> bool) -> Flow {
        self.flow(|exchange| {
            let Some(saying) = exchange.saying() else { return exchange.cut("guard_unavailable") };
            let unread = note(saying) && saying.results == Results::Nothing;
            saying.told = true;
            if exchange.unguarded {
                return Flow::Unchanged;
            }
            if canary {
                return exchange.cut_canary();
            }
            if unread && exchange.enforces() {
                match exchange.masking(Side::Response) {
                    // Nobody can leave them out of what the host has in its hands.
                    Ok(masking) if masking.strips() && exchange.has_vectors() => {
                        return exchange.cut("unstrippable_response");
                    }
                    Ok(masking) if masking.plan.is_empty() || !masking.refuse_unmaskable => {}
                    Ok(_) => return exchange.cut("unmaskable_response"),
                    Err(_) => return exchange.cut("guard_unavailable"),
                }
            }
            exchange.feed_response(&[], &mut Vec::new())
        })
    }

    /// A piece of the results as they are handed on, masked as the policy says. Pieces of one exchange are one text of one `content_type`, such
    /// as `application/x-ndjson` with a line for each row: whole lines come out as they go in.
    pub fn result(&mut self, piece: &[u8], content_type: &str, out: &mut Vec<u8>) -> Flow {
        let Some(saying) = self.saying() else { return self.cut("guard_unavailable") };
        let before = std::mem::replace(&mut saying.results, Results::Begun);
        if before == Results::Ended {
            return self.cut("guard_unavailable");
        }
        if before == Results::Nothing {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_str(content_type) {
                headers.insert(header::CONTENT_TYPE, value);
            }
            let passage = self.response_head(StatusCode::OK, &headers);
            // It was needed to ask; nobody sent it.
            self.record.status = None;
            if let ResponseBody::Refuse(answer) = passage.body {
                return self.cut(answer.code);
            }
        }
        self.response(piece, out)
    }

    /// The end of the results: what was held back is appended to `out`.
    pub fn result_end(&mut self, out: &mut Vec<u8>) -> Flow {
        if let Some(saying) = &mut self.said {
            saying.results = Results::Ended;
        }
        self.response_end(out)
    }

    fn has_vectors(&self) -> bool {
        self.said.as_ref().is_some_and(|saying| saying.returned.vectors > 0)
    }

    /// Counts what the host told against the quotas.
    pub(super) fn meter_said(&mut self, pending: usize) -> Result<Option<LeaseRequest>, ()> {
        let Some(saying) = &self.said else { return Err(()) };
        let bytes = self.response.count(Unit::Bytes).map(|bytes| bytes.saturating_add(pending as u64));
        let (vectors, rows) = (saying.returned.vectors, saying.returned.rows.saturating_add(saying.touched));
        self.ledger.spend(|unit| match unit {
            Unit::Bytes => bytes,
            Unit::Vectors => Some(vectors),
            Unit::Rows | Unit::Documents => Some(rows),
            _ => None,
        })
    }

    /// What the record says of it, and what is spent where nobody told.
    pub(super) fn settle_said(&mut self, ending: Ending, request: &mut Passed, response: &mut Passed) {
        let told = self.said.as_ref().is_some_and(|saying| saying.told);
        if self.head.is_none() && self.sent && !told && ending != Ending::Failed {
            self.ledger.spend_asked();
        }
        let Some(saying) = self.said.take() else { return };
        let touched = Census { rows: saying.touched, ..Census::default() };
        request.census = Some(touched).filter(|census| !census.is_empty());
        response.census = Some(saying.returned).filter(|census| !census.is_empty());
    }
}
