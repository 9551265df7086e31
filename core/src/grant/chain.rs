//! Grants that are handed on, and what ends with them.
//!
//! Who may use a grant may hand a part of it on: to others, for less, never for more. What its uses and quota allow is divided, not
//! doubled: the part leaves the grant at once. A grant that is revoked takes along all that was handed on from it, in the same commit.

use super::grants::fresh;
use super::{Event, Grant, GrantEvent, GrantRefusal, Grants, Outbox, Terms};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::identity::Identity;
use crate::model::GrantId;
use crate::store::{Put, Row, Write, settle};

impl Grants<'_> {
    /// Hands a part of a grant on. Where the terms say nothing of its beginning or its hours, they are those of the grant; what the
    /// grant limits, they must limit too.
    ///
    /// ```
    /// use wardline::grant::{Grants, Terms};
    /// use wardline::identity::Identity;
    /// use wardline::store::MemoryStore;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = MemoryStore::new();
    /// let grants = Grants::new(&store);
    /// let terms = |who: &str, until: &str, amount: u64| serde_json::from_str::<Terms>(&format!(r#"{{"until": "{until}",
    ///     "reason": "migration", "scope": {{"who": ["{who}"], "services": ["q"], "operations": ["vector.export"],
    ///     "resources": ["docs"]}}, "quota": ["vectors", {amount}]}}"#));
    /// let grant = grants.issue(&terms("user:ana", "2h", 5_000)?, "cleo")?;
    /// let part = grants.hand_on(&grant.id, &Identity::new("ana"), &terms("user:svc-job", "1h", 3_000)?)?;
    /// assert_eq!((part.issued_by.as_str(), part.parent), ("ana", Some(grant.id.clone())));
    /// assert_eq!(grants.find(&grant.id)?.unwrap().quota_left(), Some(2_000));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::NotEligible`] for someone who may not use it, or where it stands in a policy; [`ErrorKind::Input`] for terms that reach
    /// further; [`ErrorKind::Conflict`] where it has ended, or has less left; [`ErrorKind::NotFound`].
    pub fn hand_on(&self, id: &GrantId, by: &Identity, terms: &Terms) -> Result<Grant, Error> {
        settle(|| {
            let Some(row) = self.store().get(Self::TABLE, id.as_str())? else {
                return Err(GrantRefusal::Gone.into());
            };
            let (parent, now) = (Self::read(&row)?, self.store().now()?);
            let part = self.part(&parent, by, terms, now)?;
            let uses = part.uses.unwrap_or(0);
            let amount = part.quota.map_or(0, |(_, amount)| amount);
            let after = parent.step(&GrantEvent::HandOn { uses, amount }, now)?;
            let (before, value, new) = (parent.until, Self::write(&after)?, Self::write(&part)?);
            let letters = self.letters(Event::GrantIssued, &part, now)?;
            let mut writes = vec![
                Write { before: Some(before), ..over(&row, &value) },
                fresh(Self::TABLE, part.id.as_str(), &new),
            ];
            writes.extend(letters.iter().map(|(key, value)| fresh(Outbox::TABLE, key, value)));
            Ok(match self.store().commit(&writes)? {
                Put::Done(_) => Some(part),
                Put::Lost => None,
            })
        })
    }

    /// The grant that these terms make of a part of `parent`.
    fn part(&self, parent: &Grant, by: &Identity, terms: &Terms, now: Timestamp) -> Result<Grant, Error> {
        let wider = |what: &str| {
            let message = format!("what is handed on reaches no further than the grant: {what}");
            Err(Error::new(ErrorKind::Input, message))
        };
        if by.is_anonymous() || !parent.scope.who.iter().any(|who| who.matches(by)) {
            return Err(Error::new(
                ErrorKind::NotEligible,
                "only those who may use a grant can hand a part of it on",
            ));
        }
        if parent.is_standing() {
            return Err(Error::new(
                ErrorKind::NotEligible,
                "a grant that stands in the policy changes with it, and is not handed on",
            ));
        }
        let mut terms = terms.clone();
        terms.from = terms.from.or_else(|| (parent.from > now).then_some(parent.from));
        if terms.when.is_empty() {
            terms.when.clone_from(&parent.when);
        }
        terms.ticket = terms.ticket.or_else(|| parent.ticket.clone());
        let part = terms.issue(&by.subject, now, self.limits())?;
        if let Some(name) = part.scope.exceeds(&parent.scope) {
            return wider(name);
        }
        if part.from < parent.from || part.until > parent.until {
            return wider("from and until");
        }
        if !parent.when.is_empty() && !part.when.iter().all(|window| parent.when.contains(window)) {
            return wider("when");
        }
        if parent.uses.is_some() && part.uses.is_none() {
            return wider("uses, which it limits");
        }
        if let Some((unit, _)) = parent.quota
            && part.quota.is_none_or(|(of, _)| of != unit)
        {
            return wider("quota, which it limits");
        }
        Ok(Grant { parent: Some(parent.id.clone()), ..part })
    }

    /// Ends a grant now, for good, and all that was handed on from it.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] where it has ended already, [`ErrorKind::NotFound`], or [`ErrorKind::Input`] without a reason.
    pub fn revoke(&self, id: &GrantId, by: &str, reason: &str) -> Result<Grant, Error> {
        if by.trim().is_empty() || reason.trim().is_empty() {
            return Err(Error::new(ErrorKind::Input, "a revocation says who and why"));
        }
        let event = GrantEvent::Revoke { by: by.to_owned(), reason: reason.trim().to_owned() };
        settle(|| {
            let Some(row) = self.store().get(Self::TABLE, id.as_str())? else {
                return Err(GrantRefusal::Gone.into());
            };
            let (grant, now) = (Self::read(&row)?, self.store().now()?);
            let first = grant.step(&event, now)?;
            let mut ended = vec![(row, first)];
            if grant.handed_on > 0 {
                self.add_parts(&mut ended, &event, now)?;
            }
            let (mut values, mut letters) = (Vec::new(), Vec::new());
            for (_, grant) in &ended {
                values.push(Self::write(grant)?);
                letters.extend(self.letters(Event::GrantRevoked, grant, now)?);
            }
            let rows = ended.iter().zip(&values).map(|((row, _), value)| over(row, value));
            let letters = letters.iter().map(|(key, value)| fresh(Outbox::TABLE, key, value));
            let writes: Vec<Write<'_>> = rows.chain(letters).collect();
            Ok(match self.store().commit(&writes)? {
                Put::Done(_) => ended.into_iter().next().map(|(_, grant)| grant),
                Put::Lost => None,
            })
        })
    }

    /// All that was handed on from those that end, and from that in turn. One that is handed on meanwhile changes the row that it comes
    /// from, so that the commit is lost and made again.
    fn add_parts(
        &self,
        ended: &mut Vec<(Row, Grant)>,
        event: &GrantEvent,
        now: Timestamp,
    ) -> Result<(), Error> {
        let rows = self.store().read_since(Self::TABLE, 0)?.rows;
        let mut parts = Vec::new();
        for row in rows {
            let grant = Self::read(&row)?;
            if grant.parent.is_some() {
                parts.push((row, grant));
            }
        }
        let mut from: Vec<GrantId> = ended.iter().map(|(_, grant)| grant.id.clone()).collect();
        loop {
            let before = from.len();
            let is_part =
                |(_, grant): &(Row, Grant)| grant.parent.as_ref().is_some_and(|parent| from.contains(parent));
            let (mine, others): (Vec<_>, Vec<_>) = parts.into_iter().partition(is_part);
            from.extend(mine.iter().map(|(_, grant)| grant.id.clone()));
            // What has ended by itself needs no end.
            let ending =
                mine.into_iter().filter_map(|(row, grant)| Some((row, grant.step(event, now).ok()?)));
            ended.extend(ending);
            parts = others;
            if from.len() == before {
                return Ok(());
            }
        }
    }
}

/// A row that must still be as it was read.
fn over<'w>(row: &'w Row, value: &'w [u8]) -> Write<'w> {
    Write { table: Grants::TABLE, key: &row.key, expect: Some(row.rev), value, before: None }
}
