//! Statements and commands in a few calls: may it run, what came of it, and its end.

use std::fmt;

use super::answer::Answer;
use super::exchange::Exchange;
use super::guard::{Caller, Guard};
use super::step::{Flow, Step};
use crate::audit::Ending;
use crate::identity::Identity;
use crate::model::{Census, Command, RecordId, Statement, Subject};

/// A statement or command that may run now. What is not ended as complete or failed is recorded as broken off.
pub struct Running {
    exchange: Exchange,
}

impl Guard {
    /// Whether this identity may have statements run now. Blocks while the store or the log, or people, are waited for.
    ///
    /// # Errors
    /// The answer, where they may not: `code` says why, `approval` is the ticket of what is held or was denied.
    ///
    /// ```
    /// use wardline::guard::Guard;
    /// use wardline::identity::Identity;
    /// use wardline::model::{Census, Statement};
    /// use wardline::policy::Policy;
    ///
    /// let guard = Guard::new(Policy::parse("
    /// version: 1
    /// state: memory
    /// services: {warehouse: {system: postgres}}
    /// rules:
    ///   - {name: read, who: ['user:*'], operations: [data.read, data.query], effect: allow}
    /// ", "wardline.yaml").unwrap());
    /// let say = |text: &str| Statement {
    ///     service: "warehouse".into(),
    ///     text: text.into(),
    ///     dialect: None,
    ///     parameters: Default::default(),
    ///     numbers: Vec::new(),
    ///     times: 1,
    /// };
    /// let mut running = guard.statement(say("SELECT title FROM docs WHERE id = 7"), Identity::new("ana")).unwrap();
    /// running.returned(&Census { rows: 1, ..Census::default() }).unwrap();
    /// running.complete();
    /// let answer = guard.statement(say("DELETE FROM docs WHERE id = 7"), Identity::new("ana")).unwrap_err();
    /// assert_eq!(answer.code, "default_deny");
    /// ```
    pub fn statement(&self, statement: Statement, identity: Identity) -> Result<Running, Answer> {
        self.run(Subject::Statement(statement), identity)
    }

    /// Whether this identity may have a command run now. Blocks as [`statement`](Self::statement) does.
    ///
    /// # Errors
    /// The answer, where it may not.
    pub fn command(&self, command: Command, identity: Identity) -> Result<Running, Answer> {
        self.run(Subject::Command(command), identity)
    }

    fn run(&self, subject: Subject, identity: Identity) -> Result<Running, Answer> {
        let mut exchange = self.begin(subject, Caller::verified(identity), "direct");
        match exchange.next_blocking() {
            Step::Forward(_) => Ok(Running { exchange }),
            Step::Answer(answer) => {
                exchange.finish(Ending::Denied);
                Err(answer)
            }
            Step::NeedBody | Step::Effect(_) => {
                exchange.finish(Ending::Failed);
                Err(Answer::of("guard_unavailable"))
            }
        }
    }
}

impl Running {
    /// The id that its record will carry.
    pub fn id(&self) -> &RecordId {
        self.exchange.id()
    }

    /// The exchange itself, for what else it tells.
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Tells what of the results is about to be handed on; ask before every part.
    ///
    /// # Errors
    /// The answer, where it must not be handed on: a grant has ended or gives no more, or results have to be masked and were not.
    pub fn returned(&mut self, part: &Census) -> Result<(), Answer> {
        let flow = self.exchange.returned(part);
        self.settle(flow, &mut Vec::new()).map(|_| ())
    }

    /// Tells how many rows it wrote, changed or deleted.
    ///
    /// # Errors
    /// The answer, where a grant gives no more: take it back.
    pub fn touched(&mut self, rows: u64) -> Result<(), Answer> {
        let flow = self.exchange.touched(rows);
        self.settle(flow, &mut Vec::new()).map(|_| ())
    }

    /// A piece of the results as it may be handed on; `last` ends them. All pieces are one text of one `content_type`, such as
    /// `application/x-ndjson` with a line for each row.
    ///
    /// # Errors
    /// The answer, where it must not be handed on.
    pub fn result(&mut self, piece: &[u8], content_type: &str, last: bool) -> Result<Vec<u8>, Answer> {
        let mut out = Vec::new();
        let flow = self.exchange.result(piece, content_type, &mut out);
        if self.settle(flow, &mut out)? {
            out.extend_from_slice(piece);
        }
        if last {
            let flow = self.exchange.result_end(&mut out);
            self.settle(flow, &mut out)?;
        }
        Ok(out)
    }

    /// It ran.
    pub fn complete(mut self) {
        self.exchange.finish(Ending::Complete);
    }

    /// It failed, and did nothing.
    pub fn fail(mut self) {
        self.exchange.finish(Ending::Failed);
    }

    /// Whether what was given goes on exactly as it is.
    fn settle(&mut self, flow: Flow, out: &mut Vec<u8>) -> Result<bool, Answer> {
        match self.exchange.settle_blocking(flow, out) {
            Flow::Unchanged => Ok(true),
            Flow::Changed => Ok(false),
            Flow::Abort(abort) | Flow::Last(abort) => Err(abort.answer),
            Flow::Effect(_) => Err(Answer::of("guard_unavailable")),
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Running({})", self.exchange.id())
    }
}
