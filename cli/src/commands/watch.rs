//! `wardline approval watch`: held requests as they come, answered on a terminal, a line each.
//!
//! An answer names the request that it is for, so that nobody approves what came up while they were typing.

use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use wardline::grant::{Answer, Approval, ApprovalRefusal};
use wardline::guard::Guard;
use wardline::model::ApprovalId;

use super::approval::show;
use crate::args::Watch;
use crate::{Failure, Outcome, Streams, words};

/// How often the store is asked whether anything changed.
const PAUSE: Duration = Duration::from_millis(250);

const HELP: &str = "approve N [REASON] | deny N REASON | comment N TEXT | skip N | list | quit";

pub(crate) fn run(watch: &Watch, json: bool, streams: &mut Streams<'_>) -> Outcome {
    let guard = watch.state.guard()?;
    let Streams { input, out, err } = streams;
    let (lines, answers) = channel();
    thread::scope(|scope| {
        scope.spawn(move || input.lines().try_for_each(|line| lines.send(line)));
        let streams = Streams { input: &mut io::empty(), out: &mut **out, err: &mut **err };
        let mut desk =
            Desk { watch, guard: &guard, json, streams, shown: BTreeMap::new(), revision: None, away: false };
        loop {
            desk.look()?;
            match answers.recv_timeout(PAUSE) {
                Ok(line) => {
                    if !desk.answer(line?.trim())? {
                        return Ok(0);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            }
        }
    })
}

/// One person's view of what waits.
struct Desk<'a> {
    watch: &'a Watch,
    guard: &'a Guard,
    json: bool,
    streams: Streams<'a>,
    /// What was shown, by the number that it was shown under.
    shown: BTreeMap<usize, Shown>,
    /// The store's revision when it was last read.
    revision: Option<u64>,
    /// Whether the store could not be read, and that was said.
    away: bool,
}

/// A request that was shown.
struct Shown {
    id: ApprovalId,
    /// `false` once it waits no more.
    waits: bool,
    /// How many comments on it were shown.
    comments: usize,
}

impl Desk<'_> {
    /// Shows what has come and says what waits no more, where the store changed. A store that is away is asked again.
    fn look(&mut self) -> Result<(), Failure> {
        let found = self.guard.revision().and_then(|revision| {
            let changed = self.revision != Some(revision);
            let found = if changed { Some(self.guard.pending_for(&self.watch.by)?) } else { None };
            self.revision = Some(revision);
            Ok(found)
        });
        match found {
            Ok(found) => {
                self.away = false;
                found.map_or(Ok(()), |pending| self.compare(&pending))
            }
            Err(error) if !self.away => {
                self.away = true;
                self.streams.fail(&error.into());
                Ok(())
            }
            Err(_) => Ok(()),
        }
    }

    fn compare(&mut self, pending: &[(Approval, Option<ApprovalRefusal>)]) -> Result<(), Failure> {
        let mut gone = Vec::new();
        let mut news = Vec::new();
        for (number, shown) in &mut self.shown {
            match pending.iter().find(|(approval, _)| approval.id == shown.id) {
                Some((approval, _)) => {
                    let new = approval.comments.iter().skip(shown.comments);
                    news.extend(new.map(|said| format!("[{number}] {}", words::comment(said))));
                    shown.comments = approval.comments.len();
                }
                None if shown.waits => {
                    shown.waits = false;
                    gone.push(*number);
                }
                None => {}
            }
        }
        if !self.json {
            news.iter().try_for_each(|line| self.streams.say(words::plain(line)))?;
        }
        for number in gone {
            if !self.json {
                self.streams.say(format!("[{number}] waits no more"))?;
            }
        }
        for (approval, refusal) in pending {
            if !self.shown.values().any(|shown| shown.id == approval.id) {
                let number = self.shown.len() + 1;
                let shown = Shown { id: approval.id.clone(), waits: true, comments: approval.comments.len() };
                self.shown.insert(number, shown);
                self.present(number, approval, *refusal)?;
            }
        }
        Ok(())
    }

    /// What a person decides by.
    fn present(
        &mut self,
        number: usize,
        approval: &Approval,
        refusal: Option<ApprovalRefusal>,
    ) -> Result<(), Failure> {
        if self.json {
            show(approval, true, &mut self.streams)?;
            return Ok(self.streams.out.flush()?);
        }
        let all = self.guard.approvals(None)?;
        let before = words::alike(approval, &all).len();
        let what = approval.what();
        let acts = what.iter().map(|what| format!("    {what}"));
        let wants = approval.wants.iter().map(|terms| format!("    because: {}", terms.reason));
        let answers = match refusal {
            None if approval.reason_required => {
                format!("approve {number} REASON | deny {number} REASON | skip {number}")
            }
            None => format!("approve {number} [REASON] | deny {number} REASON | skip {number}"),
            Some(refusal) => format!("not for you: {refusal}"),
        };
        let (who, services) = (words::caller(&approval.identity), approval.services().join(", "));
        let head = match approval.wants {
            Some(_) => format!("[{number}] {who} asks for a grant at {services}"),
            None => format!("[{number}] {who} asks {services}"),
        };
        let held = words::held(approval).map_or_else(String::new, |by| format!("held by {by}; "));
        let held = format!("    {held}takes {}; votes: {}", words::steps(approval), words::votes(approval));
        let time = format!(
            "    {}  since {}, open until {}; asked for the like {before} times before",
            approval.id, approval.opened_at, approval.pending_until
        );
        let said = approval.comments.iter().map(|said| format!("    {}", words::comment(said)));
        let lines = std::iter::once(head).chain(acts).chain(wants).chain(said).chain([
            held,
            time,
            format!("    {answers}"),
        ]);
        lines.map(|line| words::plain(&line)).try_for_each(|line| self.streams.say(line))?;
        Ok(self.streams.out.flush()?)
    }

    /// Carries out one line; `false` ends the watch. What is refused is said, and the watch goes on.
    fn answer(&mut self, line: &str) -> Result<bool, Failure> {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let (which, reason) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
        let reason = Some(reason.trim()).filter(|text| !text.is_empty());
        match word {
            "" => {}
            "quit" | "q" => return Ok(false),
            "list" | "l" => {
                self.shown.clear();
                self.revision = None;
            }
            "approve" | "a" => self.vote(which, Answer::Approve, reason)?,
            "deny" | "d" if reason.is_none() => self.streams.say("a denial says why: deny N REASON")?,
            "deny" | "d" => self.vote(which, Answer::Deny, reason)?,
            "comment" | "c" => match (self.meant(which), reason) {
                (Some(id), Some(text)) => match self.guard.comment(&id, &self.watch.by, text) {
                    // It is shown with whatever else is said.
                    Ok(_) => self.look()?,
                    Err(error) => self.streams.fail(&error.into()),
                },
                (Some(_), None) => self.streams.say("a comment says something: comment N TEXT")?,
                (None, _) => self.none_such(which)?,
            },
            "skip" | "s" => match self.meant(which) {
                Some(_) => self.streams.say(format!("[{which}] is left to others"))?,
                None => self.none_such(which)?,
            },
            _ => self.streams.say(HELP)?,
        }
        Ok(true)
    }

    fn vote(&mut self, which: &str, answer: Answer, reason: Option<&str>) -> Result<(), Failure> {
        let Some(id) = self.meant(which) else { return self.none_such(which) };
        let renewed = self.watch.state.renew(self.guard);
        let by = &self.watch.by;
        match renewed.and_then(|_| Ok(self.guard.vote(&id, by, answer, reason)?)) {
            Ok(approval) => {
                // It has been answered here: that it waits no more is no news.
                self.shown.values_mut().filter(|shown| shown.id == id).for_each(|shown| shown.waits = false);
                show(&approval, self.json, &mut self.streams)?;
            }
            Err(failure) => self.streams.fail(&failure),
        }
        Ok(())
    }

    /// An answer to what was not shown.
    fn none_such(&mut self, which: &str) -> Result<(), Failure> {
        let which = if which.is_empty() {
            "which one?".to_owned()
        } else {
            format!("no request was shown as {which}")
        };
        self.streams.say(words::plain(&format!("{which}; {HELP}")))
    }

    /// The approval that a number or an id means, of those that were shown.
    fn meant(&self, which: &str) -> Option<ApprovalId> {
        let by_number = which.parse().ok().and_then(|number: usize| self.shown.get(&number));
        let shown = by_number.or_else(|| self.shown.values().find(|shown| shown.id.as_str() == which));
        shown.map(|shown| shown.id.clone())
    }
}
