//! A value that a field rule covers: taken in whole, its digest kept, and replaced when it ends.

use crate::json::{Decoded, Kind, Token};
use crate::keys::{KeyedDigest, Purpose};

use super::super::marker::Marker;
use super::super::splice::Splice;
use super::{JsonDriver, add_string, text_of};

/// A value on its way to be replaced.
#[derive(Debug)]
pub(super) struct Swallow {
    rule: usize,
    /// How many containers are open around the value.
    depth: usize,
    /// What lies in the window from here on goes.
    cut_from: usize,
    /// A container: its bytes from here on are not in the digest yet.
    feed_from: Option<usize>,
    digest: KeyedDigest,
    length: usize,
}

impl Swallow {
    pub(super) fn new(marker: &Marker, rule: usize, depth: usize, cut_from: usize) -> Self {
        let digest = marker.keyring.keys().start(Purpose::Pseudonym);
        Self { rule, depth, cut_from, feed_from: None, digest, length: 0 }
    }

    /// Whether it is a container, and around what stands so deep.
    pub(super) fn is_around(&self, depth: usize) -> bool {
        depth > self.depth
    }

    /// Takes a container's bytes up to `to` into the digest.
    pub(super) fn feed(&mut self, window: &[u8], to: usize) {
        if let Some(from) = &mut self.feed_from {
            let bytes = window.get(*from..to).unwrap_or_default();
            self.digest.update(bytes);
            self.length += bytes.len();
            *from = to;
        }
    }

    pub(super) fn cut(&mut self, splice: &mut Splice<'_>, to: usize) {
        splice.cut(self.cut_from..to);
        self.cut_from = to;
    }

    pub(super) fn shift(&mut self, by: usize) {
        self.cut_from = self.cut_from.saturating_sub(by);
        self.feed_from = self.feed_from.map(|from| from.saturating_sub(by));
    }
}

impl JsonDriver {
    /// A token of a value that is swallowed.
    pub(super) fn swallowed(
        &mut self,
        marker: &mut Marker,
        window: &[u8],
        token: &Token,
        splice: &mut Splice<'_>,
    ) {
        let Some(mut swallow) = self.swallow.take() else { return };
        let at_value = self.scanner.depth() == swallow.depth;
        let raw = window.get(token.span.clone()).unwrap_or_default();
        match token.kind {
            Kind::ObjectStart | Kind::ArrayStart if self.scanner.depth() == swallow.depth + 1 => {
                swallow.feed_from = Some(token.span.start);
            }
            Kind::String if at_value => {
                let mut decoded = std::mem::take(&mut self.decoded);
                let inside = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
                let text = text_of(inside, token.escaped, &mut decoded);
                self.replace_whole(marker, &mut swallow, text, token, splice);
                self.decoded = decoded;
                return;
            }
            Kind::Number | Kind::Literal if at_value => {
                self.replace_whole(marker, &mut swallow, raw, token, splice);
                return;
            }
            Kind::LongPart if at_value => {
                let mut decoded = Decoded::default();
                decoded.push(raw);
                swallow.digest.update(&decoded.text);
                swallow.length += decoded.text.len();
            }
            Kind::ObjectEnd | Kind::ArrayEnd | Kind::LongEnd if at_value => {
                swallow.feed(window, token.span.end);
                self.replace_digested(marker, swallow, token, splice);
                return;
            }
            _ => {}
        }
        self.swallow = Some(swallow);
    }

    fn replace_whole(
        &self,
        marker: &mut Marker,
        swallow: &mut Swallow,
        value: &[u8],
        token: &Token,
        splice: &mut Splice<'_>,
    ) {
        swallow.cut(splice, token.span.end);
        let plan = marker.plan.clone();
        if let Some(rule) = plan.field(swallow.rule) {
            let mut new = Vec::new();
            marker.field(rule, value, || self.place.path(), &mut new);
            self.add(rule.drops(), &new, splice);
        }
    }

    /// A container or long string, of which only the digest is known by now.
    fn replace_digested(
        &self,
        marker: &mut Marker,
        mut swallow: Swallow,
        token: &Token,
        splice: &mut Splice<'_>,
    ) {
        swallow.cut(splice, token.span.end);
        let digest = swallow.digest.finish();
        let plan = marker.plan.clone();
        if let Some(rule) = plan.field(swallow.rule) {
            let mut new = Vec::new();
            marker.digested(rule, swallow.length, &digest, || self.place.path(), &mut new);
            self.add(rule.drops(), &new, splice);
        }
    }

    fn add(&self, dropped: bool, new: &[u8], splice: &mut Splice<'_>) {
        if !dropped {
            add_string(new, splice.out());
        } else if self.place.is_root() {
            // Nothing at all is not a document.
            splice.add(b"null");
        }
    }
}
