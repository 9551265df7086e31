//! What is sent to be embedded: whether values in it are masked, pass or are refused, and how many there were.

use super::collect::State;
use super::{Exchange, Scopes};
use crate::audit::{EmbedInput, Passed, Record};
use crate::identity::Claim;
use crate::mask::Masker;
use crate::model::{Mode, SessionId, Verdict};
use crate::policy::{Embed, Masking, Side};

/// The choice of the policy, and what was found of that which passes.
pub(super) struct Embedding {
    choice: Embed,
    /// `None` where the body could not be read.
    passing: Option<u64>,
}

impl Embedding {
    /// What the record says: `request` holds what masking found.
    pub(super) fn record(self, request: &Passed, record: &Record) -> EmbedInput {
        let found: u64 = request.totals.values().sum();
        let masks = record.mode == Mode::Enforce && record.enforced == Some(Verdict::Allow);
        EmbedInput {
            choice: self.choice.name().into(),
            pii_in_embed_input: self.passing.map(|passing| passing.saturating_add(found)),
            masked: if masks { found } else { 0 },
        }
    }
}

impl Exchange {
    /// Notes the choice, and counts what passes by it.
    pub(super) fn embedding(&mut self, masking: &Masking) {
        let Some(choice) = masking.embed else { return };
        let passing = match &masking.watch {
            None => Some(0),
            Some(plan) => {
                let format = self.format(Side::Request, self.content_type());
                let clear = self.collected.clear().filter(|_| self.collected.state == State::Whole);
                format.zip(clear).zip(self.runtime.as_ref()).and_then(|((format, clear), runtime)| {
                    let mut masker =
                        Masker::new(plan.clone(), format, runtime.keys.clone(), None).observing();
                    let mut aside = Vec::new();
                    masker.push(clear, &mut aside).and_then(|_| masker.finish(&mut aside)).ok()?;
                    Some(masker.report().total())
                })
            }
        };
        self.embed = Some(Embedding { choice, passing });
    }

    /// How far pseudonyms of this exchange reach. A session is its caller's: who names another one's session meets none of its
    /// pseudonyms.
    pub(super) fn scopes(&self) -> Scopes {
        let subject = &self.identity.subject;
        let own = |session: &SessionId| format!("{} {subject} {session}", subject.len()).into();
        Scopes {
            exchange: self.record.id.as_str().to_owned().into(),
            session: self.record.session.as_ref().map(own),
            tenant: self
                .identity
                .claims
                .get(Scopes::TENANT)
                .and_then(Claim::only)
                .map(|tenant| tenant.to_owned().into()),
        }
    }
}
