//! What a policy says that cannot be meant: names that stand for nothing, rules that can never fire, grants that
//! contradict the rules, holds that nobody can end.
//!
//! A rule is a set of cells (service, operation) with further conditions on each, all of them finite lists and
//! patterns; so "never fires" is computed cell by cell and not guessed. Where patterns with several stars make
//! covering undecidable here, nothing is reported.

mod cells;
mod entities;
mod names;
mod people;
mod reach;

use super::SHARED_NEEDS_FOLDER;
use super::catalogues::Catalogues;
use super::document::{Findings, Node, Place};
use super::draft::Draft;

pub(super) use names::secret;

use cells::World;

/// Reports everything in `draft` that cannot be meant.
pub(super) fn check(draft: &Draft<'_>, catalogues: &Catalogues, findings: &mut Findings) {
    let world = World::new(draft);
    names::systems(draft, catalogues, findings);
    names::services(draft, findings);
    names::log(draft, findings);
    names::store(draft, findings);
    names::notify(draft, findings);
    names::unique(draft, findings);
    names::references(draft, findings);
    people::holds(draft, findings);
    cells::counts(draft, findings);
    world.rules(draft, findings);
    world.grants(draft, findings);
    world.budgets(draft, findings);
    world.masks(draft, findings);
    world.watch(draft, findings);
    entities::detectors(draft, findings);
    if findings.is_sound() {
        world.warn(draft, findings);
    }
}

/// Whether nothing was reported within a part, so that conclusions from it are sound.
fn sound(node: &Node, findings: &Findings) -> bool {
    !findings.any_within(node.place, node.end)
}

fn place(node: &Node, key: &str) -> Place {
    node.get(key).map_or(node.place, |node| node.place)
}
