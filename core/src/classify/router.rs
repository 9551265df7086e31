//! From a method and a normalised path to an entry: one `matchit` tree a method, built when a system is first used.
//!
//! Where a query parameter or a header names the operation (`?uploads`, `X-Amz-Target`), that name stands before the
//! path, as `?uploads/{bucket}`: see [`addressed`]. A name of several segments, `{name..3}`, has a route for each length.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use foldhash::{HashMap, HashMapExt};
use http::HeaderMap;
use smallvec::SmallVec;

use super::catalogue::{Entry, System};
use super::target::{self, Target};

/// The routes of one system.
#[derive(Debug)]
pub(super) struct Router {
    trees: [matchit::Router<&'static Entry>; METHODS.len()],
    /// gRPC methods and commands, by their exact names.
    named: HashMap<&'static str, &'static Entry>,
    /// Commands whose first argument is part of their name.
    containers: HashSet<&'static str>,
    /// Entries that could not be entered because another one stands in their way; a test keeps this empty.
    pub(super) ambiguous: Vec<&'static str>,
}

/// The parameters of a route: their names, and where in the path they stand.
pub(super) type Params = SmallVec<[(&'static str, Range<usize>); 2]>;

/// What stands for the method of an entry that is a gRPC method, and of one that is a command.
pub(super) const RPC: &str = "RPC";
pub(super) const COMMAND: &str = "CMD";

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

impl Router {
    /// Where the system takes `/a/` for `/a`, routes are entered without their last `/`.
    pub(super) fn new(entries: &'static [Entry], trailing_slash: bool) -> Self {
        let (named, containers) = (HashMap::new(), HashSet::new());
        let mut router = Self { trees: Default::default(), named, containers, ambiguous: Vec::new() };
        for entry in entries {
            if matches!(entry.method, RPC | COMMAND) {
                router.named.insert(entry.route, entry);
                router.containers.extend(entry.route.split_once(' ').map(|(first, _)| first));
                continue;
            }
            for route in routes(entry.route) {
                let tree =
                    METHODS.iter().position(|m| *m == entry.method).and_then(|at| router.trees.get_mut(at));
                let route = match route.strip_suffix('/') {
                    Some(shorter) if trailing_slash && !shorter.is_empty() => shorter.to_owned(),
                    _ => route,
                };
                if tree.is_none_or(|tree| tree.insert(route, entry).is_err()) {
                    router.ambiguous.push(entry.route);
                }
            }
        }
        router
    }

    /// The entry for a request, with the parameters of its route. `HEAD` is what `GET` is, unless listed itself.
    pub(super) fn find(&'static self, method: &str, path: &str) -> Option<(&'static Entry, Params)> {
        let at = METHODS.iter().position(|m| *m == method)?;
        let found = self.trees.get(at)?.at(path).ok();
        let found = match found {
            None if method == "HEAD" => self.trees.first()?.at(path).ok()?,
            found => found?,
        };
        let mut params = Params::new();
        for (name, value) in found.params.iter() {
            let start = value.as_ptr().addr().checked_sub(path.as_ptr().addr())?;
            params.push((name, start..start + value.len()));
        }
        Some((*found.value, params))
    }

    /// The entry of a gRPC method, e.g. `/qdrant.Points/Scroll`.
    pub(super) fn method(&self, path: &str) -> Option<&'static Entry> {
        self.named.get(path).copied().filter(|entry| entry.method == RPC)
    }

    /// The entry of a command, and how many words its name has. A word that a container does not know is no argument.
    pub(super) fn command(&self, words: &[&str]) -> Option<(&'static Entry, usize)> {
        let first = words.first()?.to_ascii_uppercase();
        let (name, length) = match words.get(1) {
            Some(second) if self.containers.contains(first.as_str()) => {
                (format!("{first} {}", second.to_ascii_uppercase()), 2)
            }
            _ => (first, 1),
        };
        let entry = self.named.get(name.as_str()).copied().filter(|entry| entry.method == COMMAND)?;
        Some((entry, length))
    }

    /// Whether any method is listed for a path.
    pub(super) fn knows(&self, path: &str) -> bool {
        self.trees.iter().any(|tree| tree.at(path).is_ok())
    }
}

/// What a request is looked up by: its path, behind the name of its operation where a header or the query gives one.
/// `None` where it gives two.
pub(super) fn addressed<'t>(
    system: &System,
    headers: &HeaderMap,
    target: &Target<'t>,
) -> Option<Cow<'t, str>> {
    let plain = || target.path.clone();
    if let Some(name) = system.action_header {
        let mut given = headers.get_all(name).iter();
        let Some(action) = given.next() else { return Some(plain()) };
        let action = action.to_str().ok().filter(|action| !action.contains(['/', ',']))?;
        return given.next().is_none().then(|| format!("#{action}{}", target.path).into());
    }
    if system.actions.is_empty() || target.query.is_none() {
        return Some(plain());
    }
    let mut given = None;
    for key in target::keys(target.query) {
        let key = key?;
        let Some(action) = system.actions.iter().find(|action| **action == key) else { continue };
        if given.replace(action).is_some() {
            return None;
        }
    }
    Some(given.map_or_else(plain, |action| format!("?{action}{}", target.path).into()))
}

/// The ways to write a route: the name of its operation in front, and each length of a name of several segments.
pub(super) fn routes(route: &str) -> Vec<String> {
    let (path, action) = match route.split_once(['?', '#']) {
        Some((path, action)) => (path, action.split(['&', '=']).next().unwrap_or_default()),
        None => (route, ""),
    };
    let mark = route.get(path.len()..).and_then(|rest| rest.get(..1)).unwrap_or_default();
    let longest = path.split_once("..").and_then(|(before, after)| {
        let (before, name) = before.rsplit_once('{')?;
        let (most, after) = after.split_once('}')?;
        Some((before, name, most.parse::<usize>().ok()?, after))
    });
    let Some((before, name, most, after)) = longest else { return vec![format!("{mark}{action}{path}")] };
    let mut names = format!("{{{name}}}");
    let mut found = Vec::with_capacity(most);
    for more in 1..=most {
        found.push(format!("{mark}{action}{before}{names}{after}"));
        names.push_str(&format!("/{{{name}+{more}}}"));
    }
    found
}

/// A parameter of a route, all of its segments.
pub(super) fn parameter(path: &str, params: &[(&str, Range<usize>)], name: &str) -> Option<String> {
    let (_, first) = params.iter().find(|(key, _)| *key == name)?;
    let first = path.get(first.clone())?;
    let encoded = memchr::memchr(target::SLASH as u8, first.as_bytes()).is_some();
    let mut found = if encoded { first.replace(target::SLASH, "/") } else { first.to_owned() };
    for (key, value) in params {
        if key.strip_prefix(name).is_some_and(|rest| rest.starts_with('+')) {
            found.push('/');
            found.push_str(path.get(value.clone())?);
        }
    }
    Some(found)
}
