//! Whether a request could be meant by two entries: what is built in is not changed by what a policy adds.

use super::entry::Entry;
use crate::classify::catalogue::{self, System};
use crate::classify::router::{COMMAND, RPC, routes};

/// The entry of a system that some request is looked up under, and would not be any more if `own` were added.
pub(super) fn hidden<'s>(own: &Entry, system: &'s System) -> Option<&'s catalogue::Entry> {
    system.entries().iter().find(|entry| meets(own, entry, system.trailing_slash))
}

fn meets(own: &Entry, entry: &catalogue::Entry, trailing_slash: bool) -> bool {
    let (method, known) = (own.method.as_str(), entry.method());
    match (method, known) {
        (RPC, RPC) => own.route == entry.route(),
        // A command's first argument would become part of its name.
        (COMMAND, COMMAND) => {
            let rest = own.route.strip_prefix(entry.route());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        }
        // What nobody lists for `HEAD` is looked up as `GET`.
        _ if method == known || (method, known) == ("HEAD", "GET") => {
            let theirs = routes(entry.route());
            routes(&own.route).iter().any(|own| theirs.iter().any(|theirs| same(own, theirs, trailing_slash)))
        }
        _ => false,
    }
}

/// Whether a request could be looked up under both of these: the name of the operation in front, then the path.
fn same(own: &str, theirs: &str, trailing_slash: bool) -> bool {
    let ((action, own), (known, theirs)) = (apart(own), apart(theirs));
    // A parameter of the query that was none before would hide what its path is without it.
    if action != known && !(action.starts_with('?') && known.is_empty()) {
        return false;
    }
    let [own, theirs] = [own, theirs].map(|path| match path.strip_suffix('/') {
        Some(shorter) if trailing_slash => shorter,
        _ => path,
    });
    path(&own.split('/').collect::<Vec<_>>(), &theirs.split('/').collect::<Vec<_>>())
}

/// The name of the operation, and the path behind it.
fn apart(route: &str) -> (&str, &str) {
    route.find('/').and_then(|at| route.split_at_checked(at)).unwrap_or(("", route))
}

/// Whether some path fits both.
fn path(a: &[&str], b: &[&str]) -> bool {
    match (a.split_first(), b.split_first()) {
        (Some((first, _)), Some(_)) | (Some(_), Some((first, _))) if first.starts_with("{*") => true,
        (Some((first, a)), Some((second, b))) => segment(first, second) && path(a, b),
        (None, None) => true,
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// Whether some segment fits both: what stands before and behind a parameter has to agree.
fn segment(a: &str, b: &str) -> bool {
    let (any_a, any_b) = (around(a), around(b));
    if any_a.is_none() && any_b.is_none() {
        return a == b;
    }
    let ((a1, a2), (b1, b2)) = (any_a.unwrap_or((a, a)), any_b.unwrap_or((b, b)));
    (a1.starts_with(b1) || b1.starts_with(a1)) && (a2.ends_with(b2) || b2.ends_with(a2))
}

/// What stands before and behind the parameters of a segment; `None` where it has none.
fn around(segment: &str) -> Option<(&str, &str)> {
    let (before, _) = segment.split_once('{')?;
    let (_, behind) = segment.rsplit_once('}')?;
    Some((before, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_that_share_a_request_are_told() {
        for (own, theirs, shares) in [
            ("/a/{b}", "/a/c", true),
            ("/a/c", "/a/{b}", true),
            ("/a/c", "/a/{b}/d", false),
            ("/a/{*rest}", "/a/b/c/d", true),
            ("/a/b/c", "/{*all}", true),
            ("/a", "/{*all}", true),
            ("/a", "/b", false),
            ("/m/{model}:predict", "/m/{model}:explain", false),
            ("/m/{model}:predict", "/m/{model}", true),
            ("/m/x:predict", "/m/{model}:predict", true),
            ("/m/x:explain", "/m/{model}:predict", false),
            ("/a/", "/a", true),
            ("?x/{b}", "/{b}", true),
            ("/{b}", "?x/{b}", false),
            ("?x/{b}", "?y/{b}", false),
            ("#X/", "#X/", true),
            ("#X/", "#Y/", false),
        ] {
            assert_eq!(same(own, theirs, true), shares, "{own} {theirs}");
        }
        assert!(!same("/a/", "/a", false));
    }
}
