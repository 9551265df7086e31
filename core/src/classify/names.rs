//! Names that stand for several things: `logs-a,logs-b`, `logs-*`, `_all`, `<logs-{now/d}>`.
//!
//! Each name of a list is a resource of its own. What only the system can resolve becomes a pattern with `*`: a policy
//! that allows some names does not allow it, and its count has no limit.

/// Adds the names that a text stands for, as systems read it that know lists and patterns.
pub(super) fn split(text: &str, into: &mut Vec<String>) {
    for name in text.split(',').map(str::trim) {
        // `-logs-b` takes something back that a pattern before it gave: what is left is not known here.
        if name.is_empty() || name.starts_with('-') {
            continue;
        }
        // `logs::failures` is another part of `logs`.
        let name = name.split_once("::").map_or(name, |(name, _)| name);
        into.push(match name {
            "_all" => "*".to_owned(),
            dated if dated.starts_with('<') => {
                format!("{}*", dated.trim_start_matches('<').split('{').next().unwrap_or_default())
            }
            name => name.to_owned(),
        });
    }
}

/// Whether a name stands for any number of things.
pub(super) fn is_pattern(name: &str) -> bool {
    name.contains('*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_patterns_and_dates_are_told_apart() {
        let names = |text: &str| {
            let mut found = Vec::new();
            split(text, &mut found);
            found
        };
        assert_eq!(names("docs"), ["docs"]);
        assert_eq!(names("a, b,,c"), ["a", "b", "c"]);
        assert_eq!(names("_all"), ["*"]);
        assert_eq!(names("logs-*,-logs-b"), ["logs-*"]);
        assert_eq!(names("<logs-{now}>"), ["logs-*"]);
        assert_eq!(names("logs::failures"), ["logs"]);
        assert!(is_pattern("logs-*") && !is_pattern("logs"));
    }
}
