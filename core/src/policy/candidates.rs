//! Which rules may speak of a request: found by who asks and what is done, so that a decision does not grow with the rules that
//! are about others.

use foldhash::{HashMap, HashMapExt};

use super::callers::Callers;
use super::draft::Rule;
use crate::identity::Identity;
use crate::model::Operation;

/// Places of rules in their policy.
type Places = Box<[u32]>;

/// How a rule was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// By the name or a group of the caller: the rule speaks of this caller.
    ByName,
    /// By what is done: whether it speaks of this caller is still to be asked.
    ByOperation,
}

/// The rules of a policy, by what they name. A rule is found under each name that makes it fit, so perhaps twice for one request:
/// saying a thing twice says no more.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// By operation: rules that fit callers whom they do not name.
    open: Vec<Places>,
    users: HashMap<Box<str>, Places>,
    groups: HashMap<Box<str>, Places>,
}

impl Candidates {
    pub(super) fn of(rules: &[Rule]) -> Self {
        let mut open: Vec<Vec<u32>> = vec![Vec::new(); Operation::ALL.len()];
        let (mut users, mut groups) = (HashMap::new(), HashMap::new());
        for (place, rule) in (0..).zip(rules) {
            let scope = &rule.matcher.scope;
            match scope.who.as_ref().and_then(Callers::named) {
                Some([named, of_groups]) => {
                    note(&mut users, named, place);
                    note(&mut groups, of_groups, place);
                }
                None => {
                    for (operation, places) in Operation::ALL.iter().zip(&mut open) {
                        if scope.operations.has(*operation) {
                            places.push(place);
                        }
                    }
                }
            }
        }
        Self {
            open: open.into_iter().map(Into::into).collect(),
            users: packed(users),
            groups: packed(groups),
        }
    }

    /// The places of every rule that may fit what `identity` does as `operation`, and of some that do not.
    pub(super) fn places(
        &self,
        identity: &Identity,
        operation: Operation,
    ) -> impl Iterator<Item = (usize, Found)> {
        let open = self.open.get(operation as usize).into_iter();
        let known = !identity.is_anonymous();
        let user = known.then(|| self.users.get(identity.subject.as_str())).flatten();
        let groups = identity.groups.iter().filter(move |_| known && !self.groups.is_empty());
        let groups = groups.filter_map(|group| self.groups.get(group.as_str()));
        let named = user.into_iter().chain(groups).map(|places| (places, Found::ByName));
        open.map(|places| (places, Found::ByOperation))
            .chain(named)
            .flat_map(|(places, found)| places.iter().map(move |place| (*place as usize, found)))
    }
}

fn note(index: &mut HashMap<Box<str>, Vec<u32>>, names: &[Box<str>], place: u32) {
    for name in names {
        index.entry(name.clone()).or_default().push(place);
    }
}

fn packed(index: HashMap<Box<str>, Vec<u32>>) -> HashMap<Box<str>, Places> {
    index.into_iter().map(|(name, places)| (name, places.into())).collect()
}
