//! From a method and a normalised path to an entry: one `matchit` tree a method, built when a system is first used.

use matchit::Params;

use super::catalogue::Entry;

/// The routes of one system.
#[derive(Debug)]
pub(super) struct Router {
    trees: [matchit::Router<&'static Entry>; METHODS.len()],
    /// Entries that could not be entered because another one stands in their way; a test keeps this empty.
    pub(super) ambiguous: Vec<&'static str>,
}

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

impl Router {
    /// Where the system takes `/a/` for `/a`, routes are entered without their last `/`.
    pub(super) fn new(entries: &'static [Entry], trailing_slash: bool) -> Self {
        let mut router = Self { trees: Default::default(), ambiguous: Vec::new() };
        for entry in entries {
            let tree =
                METHODS.iter().position(|m| *m == entry.method).and_then(|at| router.trees.get_mut(at));
            let route = match entry.route.strip_suffix('/') {
                Some(shorter) if trailing_slash && !shorter.is_empty() => shorter,
                _ => entry.route,
            };
            if tree.is_none_or(|tree| tree.insert(route, entry).is_err()) {
                router.ambiguous.push(entry.route);
            }
        }
        router
    }

    /// The entry for a request, with the parameters of its route. `HEAD` is what `GET` is, unless listed itself.
    pub(super) fn find<'p>(&self, method: &str, path: &'p str) -> Option<(&'static Entry, Params<'_, 'p>)> {
        let at = METHODS.iter().position(|m| *m == method)?;
        let found = self.trees.get(at)?.at(path).ok();
        let found = match found {
            None if method == "HEAD" => self.trees.first()?.at(path).ok()?,
            found => found?,
        };
        Some((found.value, found.params))
    }

    /// Whether any method is listed for a path.
    pub(super) fn knows(&self, path: &str) -> bool {
        self.trees.iter().any(|tree| tree.at(path).is_ok())
    }
}
