//! Policies as people write them: what is refused and where, what is decided, what is masked.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod catalogues;
mod check;
mod conditions;
mod decide;
mod includes;
mod masking;
mod oracle;
mod packs;
mod schema;
mod services;

use wardline::policy::Policy;

/// A policy over one Qdrant (`vectors`), one OpenAI (`models`) and one MLflow (`registry`), with `more` after it.
fn policy_text(more: &str) -> String {
    format!(
        "version: 1
state: memory
groups: {{security: [sam, kim], data: [lee]}}
services:
  vectors: {{system: qdrant, hosts: [vectors.test]}}
  models: {{system: openai, hosts: [models.test]}}
  registry: {{system: mlflow, hosts: [registry.test]}}
{more}"
    )
}

/// What is found in it, as codes.
fn refusals(more: &str) -> Vec<&'static str> {
    let refused = Policy::parse(&policy_text(more), "policy.yaml").err();
    refused.iter().flat_map(|error| error.diagnostics()).map(|found| found.code).collect()
}

fn policy(more: &str) -> Policy {
    Policy::parse(&policy_text(more), "policy.yaml").unwrap()
}
