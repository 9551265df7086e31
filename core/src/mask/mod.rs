//! The same bytes with the findings replaced and nothing else touched.

mod format;
mod plan;
mod transform;

pub use format::Format;
pub use plan::{Plan, PlanSpec};
pub use transform::Transform;
