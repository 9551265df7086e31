//! Names that mean the same person.

use std::collections::HashMap;

/// Sets of names that belong to one person each: a work account, an administrator's account, a chat handle.
///
/// Names are compared without regard to case: a rule of four eyes is only ever made stricter by that.
///
/// ```
/// use wardline::grant::Aliases;
/// let aliases = Aliases::new([["ana@example.org", "adm-ana"]]);
/// assert!(aliases.same("adm-ana", "Ana@example.org") && !aliases.same("ana@example.org", "bob"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Aliases {
    set_of: HashMap<String, usize>,
}

impl Aliases {
    /// One set a person. A name in two sets joins them: they are one person.
    pub fn new<S: AsRef<str>, P: IntoIterator<Item = S>>(people: impl IntoIterator<Item = P>) -> Self {
        let mut set_of: HashMap<String, usize> = HashMap::new();
        for (number, names) in people.into_iter().enumerate() {
            for name in names {
                if let Some(other) = set_of.insert(fold(name.as_ref()), number)
                    && other != number
                {
                    set_of.values_mut().filter(|set| **set == other).for_each(|set| *set = number);
                }
            }
        }
        Self { set_of }
    }

    /// Whether both names mean one person.
    pub fn same(&self, a: &str, b: &str) -> bool {
        let (a, b) = (fold(a), fold(b));
        a == b || self.set_of.get(&a).is_some_and(|set| self.set_of.get(&b) == Some(set))
    }
}

fn fold(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_that_share_a_name_are_one_person() {
        let aliases = Aliases::new([vec!["a", "b"], vec!["c", "d"], vec!["B", "c"]]);
        for (x, y, same) in [("a", "d", true), ("A ", "b", true), ("a", "e", false), ("e", "E", true)] {
            assert_eq!(aliases.same(x, y), same, "{x} {y}");
        }
    }
}
