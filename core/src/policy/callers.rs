//! Whom a rule speaks of, compiled.

use crate::glob::Glob;
use crate::identity::{Identity, Who};

/// A set of callers.
#[derive(Debug, Clone, Default)]
pub(super) struct Callers {
    everyone: bool,
    anonymous: bool,
    /// Sorted.
    users: Vec<Box<str>>,
    patterns: Vec<Glob>,
    /// Sorted.
    groups: Vec<Box<str>>,
}

impl Callers {
    /// Whoever asks.
    pub(super) fn everyone() -> Self {
        Self { everyone: true, ..Self::default() }
    }

    /// `members` are the people of a group of the policy, if it has one of that name.
    pub(super) fn new<'m>(who: &[Who], members: impl Fn(&str) -> &'m [String]) -> Self {
        let mut set = Self::default();
        for one in who {
            match one {
                Who::Everyone => set.everyone = true,
                Who::Anonymous => set.anonymous = true,
                Who::Group(name) => {
                    set.users.extend(members(name).iter().map(|member| member.as_str().into()));
                    set.groups.push(name.clone());
                }
                Who::User(glob) if glob.is_exact() => set.users.push(glob.as_str().into()),
                Who::User(glob) => set.patterns.push(glob.clone()),
            }
        }
        set.users.sort_unstable();
        set.users.dedup();
        set.groups.sort_unstable();
        set.groups.dedup();
        set
    }

    pub(super) fn has(&self, identity: &Identity) -> bool {
        if self.everyone {
            return true;
        }
        if identity.is_anonymous() {
            return self.anonymous;
        }
        holds(&self.users, &identity.subject)
            || self.patterns.iter().any(|glob| glob.matches(&identity.subject))
            || (!self.groups.is_empty() && identity.groups.iter().any(|group| holds(&self.groups, group)))
    }

    /// The users and groups that it names, both sorted, where it holds nobody else.
    pub(super) fn named(&self) -> Option<[&[Box<str>]; 2]> {
        let others = self.everyone || self.anonymous || !self.patterns.is_empty();
        (!others).then_some([&self.users, &self.groups])
    }

    /// Everybody who was authenticated.
    fn has_all_users(&self) -> bool {
        self.patterns.iter().any(|glob| glob.as_str() == "*")
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        if self.everyone || (self.anonymous && self.has_all_users()) {
            return true;
        }
        !other.everyone
            && (self.anonymous || !other.anonymous)
            && (self.has_all_users()
                || (other.users.iter().all(|user| {
                    holds(&self.users, user) || self.patterns.iter().any(|glob| glob.matches(user))
                }) && other
                    .patterns
                    .iter()
                    .all(|glob| self.patterns.iter().any(|mine| mine.covers(glob)))
                    && other.groups.iter().all(|group| holds(&self.groups, group))))
    }

    /// The one caller that this is, where it is one.
    pub(super) fn only_user(&self) -> Option<&str> {
        let others = self.everyone || self.anonymous || !self.patterns.is_empty() || !self.groups.is_empty();
        match self.users.as_slice() {
            [user] if !others => Some(user),
            _ => None,
        }
    }
}

fn holds(sorted: &[Box<str>], name: &str) -> bool {
    match sorted {
        [] => false,
        [one] => **one == *name,
        many => many.binary_search_by(|probe| (**probe).cmp(name)).is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callers(who: &[&str]) -> Callers {
        let people = ["sam".to_owned(), "kim".to_owned()];
        let who: Vec<Who> = who.iter().map(|w| w.parse().unwrap()).collect();
        Callers::new(&who, |group| if group == "security" { &people } else { &[] })
    }

    #[test]
    fn a_policys_own_group_counts_by_name_and_by_claim() {
        let set = callers(&["group:security"]);
        assert!(set.has(&Identity::new("sam")));
        assert!(set.has(&Identity::new("eve").with_groups(["security"])));
        assert!(!set.has(&Identity::new("eve")));
        assert!(!set.has(&Identity::anonymous().with_groups(["security"])));
    }

    #[test]
    fn covering_callers_is_about_sets() {
        for (a, b, covers) in [
            (&["*"][..], &["anonymous", "user:x"][..], true),
            (&["user:*"], &["group:g", "user:x"], true),
            (&["user:*"], &["*"], false),
            (&["user:*", "anonymous"], &["*"], true),
            (&["user:a*"], &["user:ab*", "user:ax"], true),
            (&["user:ab*"], &["user:a*"], false),
            (&["group:g"], &["group:g"], true),
            (&["group:g"], &["user:x"], false),
        ] {
            assert_eq!(callers(a).covers(&callers(b)), covers, "{a:?} {b:?}");
        }
    }
}
