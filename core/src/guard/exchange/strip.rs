//! Vectors that do not leave: requests that no longer ask for them, and responses without what carries them.
//!
//! What carries vectors is known from the catalogue; where only the shape of a value tells, and where nothing reads a body, nothing can be
//! left out. So what is left is counted, and where any vector is among it, it does not leave.

use std::sync::Arc;

use bytes::Bytes;

use super::Exchange;
use super::collect::State;
use crate::classify::{
    Body as Whole, Classified, Entry, Outcome, http, is_protobuf, packing, without_vectors,
};
use crate::error::Error;
use crate::guard::body::Body;
use crate::json::Path;
use crate::mask::{Format, Masker, Plan, PlanSpec, Transform};
use crate::model::{Operation, Unit};
use crate::policy::Side;
use crate::protobuf::Schema;

/// What may bring vectors along.
const MAY_CARRY: [Operation; 7] = [
    Operation::VectorSearch,
    Operation::VectorFetch,
    Operation::VectorExport,
    Operation::DataRead,
    Operation::DataQuery,
    Operation::DataExport,
    Operation::Unknown,
];
/// What does, wherever its entry may say so.
const CARRY: [Operation; 3] = [Operation::VectorFetch, Operation::VectorExport, Operation::Unknown];

impl Exchange {
    /// A request that asks for vectors which its caller will not get asks no longer: what it does then. `None` where it stays as it is.
    pub(super) fn ask_for_no_vectors(
        &mut self,
        entry: &'static Entry,
        done: &Classified,
    ) -> Option<Classified> {
        let asks = |op| matches!(op, Operation::VectorFetch | Operation::VectorExport);
        if !self.enforces() || self.collected.coded || !done.acts.iter().any(|act| asks(act.operation)) {
            return None;
        }
        let service = self.service()?;
        if !self.in_force.policy.strips(&self.facts(&done.acts)) || self.collected.state != State::Whole {
            return None;
        }
        let (system, base_path) = (service.system, service.base_path.clone());
        let content_type = self.content_type()?;
        let (body, fields) = match Format::of(content_type) {
            Some(Format::Json) => self.without_flags(entry)?,
            None if is_protobuf(content_type) => {
                without_vectors(entry, self.collected.clear()?, packing(&self.head.as_ref()?.headers))?
            }
            _ => return None,
        };
        if fields == 0 {
            return None;
        }
        let Outcome::NeedBody(pending) = http(system, self.head.as_ref()?, &base_path) else {
            return None;
        };
        let less = pending.finish(Whole::Whole(&body)).ok()?;
        self.collected.replace(Bytes::from(body));
        self.cleared = fields;
        Some(less)
    }

    /// A body of JSON without what asks for vectors, and how many members that were.
    fn without_flags(&self, entry: &'static Entry) -> Option<(Vec<u8>, u64)> {
        let plan = without(entry).ok().filter(|plan| !plan.is_empty())?;
        let keys = self.runtime.as_ref()?.keys.clone();
        let masker = Masker::new(Arc::new(plan), Format::Json, keys, None);
        let (body, report) = masker.whole([self.collected.clear()?]).ok()?;
        Some((body, report.total()))
    }

    /// Whether nothing can leave the vectors out of a response. `looks`: it is only looked at as it passes, behind a coding.
    pub(super) fn cannot_strip(&self, content_type: Option<&str>, looks: bool) -> bool {
        let among = |some: &[Operation]| self.acts.iter().any(|act| some.contains(&act.operation));
        match (self.format(Side::Response, content_type), self.response_census) {
            (Some(Format::Grpc(schema, _)), Some(_)) if schema != Schema::OPAQUE => looks,
            // Some of it would have gone on before all of it is known.
            (Some(Format::Json | Format::Ndjson | Format::Sse), Some(_)) => looks,
            (Some(Format::Json | Format::Ndjson | Format::Sse), None) => among(&CARRY),
            _ => among(&MAY_CARRY),
        }
    }

    /// Whether vectors are left in a response that should have none.
    pub(super) fn has_unstripped(&self) -> bool {
        self.strips && Body::count(&self.response, Unit::Vectors).is_some_and(|vectors| vectors > 0)
    }
}

/// The plan that clears what asks for vectors.
fn without(entry: &Entry) -> Result<Plan, Error> {
    let fields: Result<_, Error> =
        entry.vector_flags().map(|path| Ok((Path::parse(&path)?, Transform::Drop))).collect();
    Plan::compile(PlanSpec { fields: fields?, ..PlanSpec::default() })
}
