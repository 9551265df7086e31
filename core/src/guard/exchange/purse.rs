//! What an exchange draws from the budgets of its policy: asked before the request goes on, drawn before an id leaves.

use std::sync::Arc;

use super::Exchange;
use crate::audit::Drawn;
use crate::budget::{Charge, Spending, Standing};
use crate::guard::body::Body;
use crate::guard::step::{Effect, SpendRequest};
use crate::identity::Identity;
use crate::keys::{KeyedDigest, Keys, Purpose, hex};
use crate::policy::{self, Due};

/// The budgets that an exchange draws on; mostly none.
#[derive(Default)]
pub(super) struct Purse {
    budgets: Vec<Budget>,
    /// What is refused is refused in fact, and not only counted.
    binds: bool,
    /// People or a grant have let it draw more than is left of what holds.
    lifted: bool,
    /// What it asks for was charged, for nothing counts what it gets.
    charged: bool,
    /// Nothing more is drawn.
    closed: bool,
    /// Rows without an id that were drawn already.
    nameless: u64,
}

struct Budget {
    due: Due,
    key: String,
    standing: Standing,
    /// How many ids of this exchange were new.
    gained: u64,
}

impl Purse {
    pub(super) fn new(due: Vec<Due>, service: &str, identity: &Identity, keys: &Keys, binds: bool) -> Self {
        let budget = |due: Due| {
            let mut key = keys.start(Purpose::Digest);
            key.field(b"wardline/budget/1");
            due.fields(service, identity).iter().for_each(|field| key.field(field));
            Budget { key: hex(&key.finish()), due, standing: Standing::default(), gained: 0 }
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
        self.spend(Vec::new(), |_| 0)
    }

    /// The budgets of which too little is left: those that are used up, and of those that hold, those that the request may exceed.
    pub(super) fn short(&self) -> Vec<&Due> {
        let short = |budget: &&Budget| {
            let (used, limit) = (budget.standing.used, budget.due.budget.limit.ids);
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
        let Some((ids, rows)) = body.drawn() else {
            return if pending == 0 { Ok(None) } else { self.upfront() };
        };
        // The id of the row at hand may still come.
        let rows = if last { rows } else { rows.saturating_sub(1) };
        let nameless = rows.saturating_sub(self.nameless);
        self.nameless = self.nameless.max(rows);
        if ids.is_empty() && nameless == 0 {
            return Ok(None);
        }
        Ok(Some(self.spend(ids, |_| nameless)))
    }

    /// Draws what the request asks for at most, once.
    ///
    /// # Errors
    /// Where nothing in it limits that.
    pub(super) fn upfront(&mut self) -> Result<Option<Effect>, ()> {
        if !self.is_open() || std::mem::replace(&mut self.charged, true) {
            return Ok(None);
        }
        if self.binds && self.budgets.iter().any(|budget| budget.due.asked.is_none() && self.holds(budget)) {
            return Err(());
        }
        Ok(Some(self.spend(Vec::new(), |due| due.asked.unwrap_or(0))))
    }

    fn holds(&self, budget: &Budget) -> bool {
        !(self.lifted && budget.due.budget.effect == policy::Effect::Hold)
    }

    fn spend(&self, ids: Vec<u64>, nameless: impl Fn(&Due) -> u64) -> Effect {
        let charge = |budget: &Budget| Charge {
            key: budget.key.clone(),
            limit: budget.due.budget.limit,
            binds: self.binds && self.holds(budget),
            nameless: nameless(&budget.due),
        };
        Effect::Spend(SpendRequest { charges: self.budgets.iter().map(charge).collect(), ids })
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
        let drawn = |budget: &Budget| Drawn {
            budget: Arc::clone(&budget.due.budget.name).into(),
            resource: budget.due.resource.clone(),
            limit: budget.due.budget.limit.ids,
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
