//! What an exchange draws from the budgets of its policy: asked before the request goes on, drawn before what counts leaves.

use std::sync::Arc;

use super::Exchange;
use crate::audit::Drawn;
use crate::budget::{Charge, Spending, Standing};
use crate::guard::body::Body;
use crate::guard::step::{Effect, SpendRequest};
use crate::identity::Identity;
use crate::keys::{KeyedDigest, Keys, Purpose, hex};
use crate::model::Unit;
use crate::policy::{self, Counts, Due, Side};

/// The budgets that an exchange draws on; mostly none.
#[derive(Default)]
pub(super) struct Purse {
    budgets: Vec<Budget>,
    /// What is refused is refused in fact, and not only counted.
    binds: bool,
    /// People or a grant have let it draw more than is left of what holds.
    lifted: bool,
    /// That it is made was charged, or all that it asks for.
    called: bool,
    /// What was read of the request was drawn.
    read: bool,
    /// Nothing more is drawn.
    closed: bool,
}

struct Budget {
    due: Due,
    key: String,
    standing: Standing,
    /// How much of this exchange was new.
    gained: u64,
    /// How much without an id was drawn already.
    drawn: u64,
    /// What it asks for was charged, for nothing counts what it gets.
    charged: bool,
}

impl Budget {
    /// How much more without an id has come, of so much in all.
    fn more(&mut self, come: u64) -> u64 {
        let more = come.saturating_sub(self.drawn);
        self.drawn = self.drawn.max(come);
        more
    }

    /// What the request asks for at most, once.
    ///
    /// # Errors
    /// Where nothing in it limits that, and the budget `binds`.
    fn asked(&mut self, binds: bool) -> Result<u64, ()> {
        if std::mem::replace(&mut self.charged, true) {
            return Ok(0);
        }
        match self.due.asked {
            None if binds => Err(()),
            asked => Ok(asked.unwrap_or(0)),
        }
    }
}

impl Purse {
    pub(super) fn new(due: Vec<Due>, service: &str, identity: &Identity, keys: &Keys, binds: bool) -> Self {
        let budget = |due: Due| {
            let mut key = keys.start(Purpose::Digest);
            key.field(b"wardline/budget/1");
            due.fields(service, identity).iter().for_each(|field| key.field(field));
            let key = hex(&key.finish());
            Budget { key, due, standing: Standing::default(), gained: 0, drawn: 0, charged: false }
        };
        Self { budgets: due.into_iter().map(budget).collect(), binds, ..Self::default() }
    }

    /// Whether anything is drawn on.
    pub(super) fn is_open(&self) -> bool {
        !self.budgets.is_empty() && !self.closed
    }

    /// Whether what is drawn may be refused.
    pub(super) fn binds(&self) -> bool {
        self.is_open() && self.binds
    }

    /// Nothing that is counted leaves from here on.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// What holds no longer does, for people or a grant let it pass.
    pub(super) fn lift(&mut self) {
        self.lifted = true;
    }

    /// The key that ids are told apart under.
    pub(super) fn key(keys: &Keys) -> KeyedDigest {
        keys.within(Purpose::Digest, &[b"wardline/budget/id/1"])
    }

    /// Asks how the budgets stand.
    pub(super) fn look(&self) -> Effect {
        self.spend(Vec::new(), &[])
    }

    /// The budgets of which too little is left: those that are used up, and of those that hold, those that the request may exceed.
    pub(super) fn short(&self) -> Vec<&Due> {
        let short = |budget: &&Budget| {
            let (used, limit) = (budget.standing.used, budget.due.budget.limit.amount);
            let holds = budget.due.budget.effect == policy::Effect::Hold;
            let within = |asked: u64| used.saturating_add(asked) <= limit;
            used >= limit || (holds && !budget.due.asked.is_some_and(within))
        };
        self.budgets.iter().filter(|_| self.binds).filter(short).map(|budget| &budget.due).collect()
    }

    /// What must be drawn before `pending` bytes of the body go on; `last`: nothing more comes.
    ///
    /// # Errors
    /// Where nothing counts the body, and the request did not bound it.
    pub(super) fn draw(&mut self, body: &mut Body, pending: usize, last: bool) -> Result<Option<Effect>, ()> {
        if !self.is_open() || (pending == 0 && !last) {
            return Ok(None);
        }
        let (ids, rows) = body.drawn().map_or((Vec::new(), None), |(ids, rows)| (ids, Some(rows)));
        let binds = self.binding();
        let mut amounts = Vec::with_capacity(self.budgets.len());
        for (budget, binds) in self.budgets.iter_mut().zip(binds) {
            let come = match budget.due.budget.counts {
                // The id of the row at hand may still come.
                Counts::Ids => rows.map(|rows| if last { rows } else { rows.saturating_sub(1) }),
                // Counted before the request went on.
                Counts::Sum(Unit::Calls) => Some(0),
                Counts::Sum(Unit::Bytes) => body.count(Unit::Bytes).map(|left| left + pending as u64),
                Counts::Sum(unit) => body.count(unit),
            };
            amounts.push(match come {
                Some(come) => budget.more(come),
                None if pending == 0 => 0,
                None => budget.asked(binds)?,
            });
        }
        if ids.is_empty() && amounts.iter().all(|amount| *amount == 0) {
            return Ok(None);
        }
        Ok(Some(self.spend(ids, &amounts)))
    }

    /// The same, once, for what was read of a request before it goes on; `last`: that is all of it.
    ///
    /// # Errors
    /// As [`draw`](Self::draw).
    pub(super) fn draw_read(
        &mut self,
        body: &mut Body,
        pending: usize,
        last: bool,
    ) -> Result<Option<Effect>, ()> {
        if std::mem::replace(&mut self.read, true) {
            return Ok(None);
        }
        self.draw(body, pending, last)
    }

    /// Draws that the request is made, once.
    pub(super) fn call(&mut self) -> Option<Effect> {
        let counts = |budget: &Budget| budget.due.budget.counts == Counts::Sum(Unit::Calls);
        if !self.is_open() || self.called || !self.budgets.iter().any(counts) {
            return None;
        }
        self.called = true;
        let calls = |budget: &Budget| if counts(budget) { budget.due.asked.unwrap_or(1) } else { 0 };
        let amounts: Vec<u64> = self.budgets.iter().map(calls).collect();
        Some(self.spend(Vec::new(), &amounts))
    }

    /// Draws what the request asks for at most, once.
    ///
    /// # Errors
    /// Where nothing in it limits that.
    pub(super) fn upfront(&mut self) -> Result<Option<Effect>, ()> {
        if !self.is_open() || std::mem::replace(&mut self.called, true) {
            return Ok(None);
        }
        let binds = self.binding();
        let budgets = self.budgets.iter_mut().zip(binds);
        let amounts: Vec<u64> =
            budgets.map(|(budget, binds)| budget.asked(binds)).collect::<Result<_, _>>()?;
        Ok(Some(self.spend(Vec::new(), &amounts)))
    }

    fn holds(&self, budget: &Budget) -> bool {
        self.binds && !(self.lifted && budget.due.budget.effect == policy::Effect::Hold)
    }

    /// Which of the budgets are held to.
    fn binding(&self) -> Vec<bool> {
        self.budgets.iter().map(|budget| self.holds(budget)).collect()
    }

    /// Draws these ids, and of each budget so much without one; nothing where `amounts` are missing.
    fn spend(&self, ids: Vec<u64>, amounts: &[u64]) -> Effect {
        let amounts = amounts.iter().copied().chain(std::iter::repeat(0));
        let charge = |(budget, nameless): (&Budget, u64)| Charge {
            key: budget.key.clone(),
            limit: budget.due.budget.limit,
            binds: self.holds(budget),
            by_id: budget.due.budget.counts == Counts::Ids,
            nameless,
        };
        Effect::Spend(SpendRequest { charges: self.budgets.iter().zip(amounts).map(charge).collect(), ids })
    }

    /// How drawing ended; `false` where nothing was drawn, because too little is left.
    pub(super) fn spent(&mut self, spending: &Spending) -> bool {
        for (budget, standing) in self.budgets.iter_mut().zip(&spending.standings) {
            budget.gained = budget.gained.saturating_add(standing.gained);
            budget.standing = *standing;
        }
        spending.refused.is_none()
    }

    /// What the record says.
    pub(super) fn record(&self) -> Vec<Drawn> {
        let unit = |budget: &Budget| match budget.due.budget.counts {
            Counts::Ids => None,
            Counts::Sum(unit) => Some(unit),
        };
        let drawn = |budget: &Budget| Drawn {
            unit: unit(budget),
            budget: Arc::clone(&budget.due.budget.name).into(),
            resource: budget.due.resource.clone(),
            limit: budget.due.budget.limit.amount,
            used: budget.standing.used,
            new: budget.gained,
        };
        self.budgets.iter().map(drawn).collect()
    }
}

impl Exchange {
    /// Opens the purse of a request that is not denied; answers with what must be asked first.
    pub(super) fn open_purse(&mut self) -> Option<Effect> {
        let runtime = self.runtime.as_ref()?;
        let due = self.in_force.policy.budgets(&self.facts(&self.acts));
        if due.is_empty() {
            return None;
        }
        let name = self.service().map_or("", |service| &service.name);
        self.purse = Purse::new(due, name, &self.identity, &runtime.keys, self.enforces());
        Some(self.purse.look())
    }

    /// Whether this side draws on budgets.
    pub(super) fn draws(&self, side: Side) -> bool {
        self.purse.is_open() && self.brings() == (side == Side::Request)
    }

    /// The decision in the light of the budgets that have too little left.
    pub(super) fn weigh_budgets(&mut self, decision: policy::Decision) -> policy::Decision {
        let (Some(runtime), false) = (&self.runtime, self.purse.short().is_empty()) else { return decision };
        let (facts, view) = (self.facts(&self.acts), runtime.view(self.shared.now()));
        let weighed = self.in_force.policy.overdrawn(decision, &self.purse.short(), &facts, &view);
        if weighed.verdict == crate::model::Verdict::Allow {
            // A grant covers all that would have been held.
            self.purse.lift();
        }
        weighed
    }
}
