//! The pass over a text: anchors, the readers at each, and what stands in the end.

mod pass;

use std::ops::Range;
use std::slice;
use std::sync::Arc;

use self::pass::Pass;
pub(super) use self::pass::is_reachable;
use super::catalogue::{EntityInfo, catalogue};
use super::clean::Short;
use super::custom::{Custom, Customs, Failed};
use super::digits::index::Index;
use super::digits::phone;
use super::disguise::Layers;
use super::find::{Anchor, Find};
use super::input::Input;
use super::lexicon::Lexicon;
use super::literals::Literals;
use super::resolve::{Candidate, Settled, settle};
use super::words::Sight;
use super::{Carry, Context, EARLIER, Given, Inside, KEPT, Open};
use crate::model::{Entity, Finding};

/// A set of entities, compiled to one scanner. Cheap to share, never changes.
#[derive(Debug)]
pub struct Detectors {
    entities: Vec<&'static EntityInfo>,
    /// Indices into `entities`, by the anchor that wakes their reader.
    at_sign: Vec<usize>,
    at_digit: Vec<usize>,
    at_date: Vec<usize>,
    at_colon: Vec<usize>,
    at_long_word: Vec<usize>,
    at_degrees: Vec<usize>,
    at_capital: Vec<usize>,
    /// Woken by the key that a text stands under.
    at_key: Vec<usize>,
    /// Those whose value may have begun before the last word of a text.
    at_end: Vec<usize>,
    shapes: Index,
    /// The highest rank of what a word with a digit wakes, and of what a capital does.
    strongest: u8,
    strongest_name: u8,
    /// How many bytes at most stand before the first word with a digit of a value that this word wakes.
    lead: usize,
    lexicon: Lexicon,
    literals: Literals,
    /// Numbered after the entities of the catalogue.
    customs: Customs,
}

impl Detectors {
    /// The scanner for these entities. One that is not of the catalogue is never found.
    pub fn compile(wanted: &[Entity]) -> Self {
        Self::with(wanted, &[])
    }

    /// The same where some of them are a policy's own.
    pub(crate) fn with(wanted: &[Entity], own: &[Arc<Custom>]) -> Self {
        let own = own.iter().filter(|custom| wanted.contains(&custom.entity)).cloned();
        let entities: Vec<_> = catalogue().iter().filter(|info| wanted.contains(&info.entity)).collect();
        let anchored = |anchor| {
            let woken = |(n, info): (usize, &&EntityInfo)| (info.find.anchor() == Some(anchor)).then_some(n);
            entities.iter().enumerate().filter_map(woken).collect()
        };
        let shapes = entities.iter().enumerate().filter_map(|(which, info)| match &info.find {
            Find::Shape(shaped) => Some((which, shaped)),
            _ => None,
        });
        let shapes = shapes.flat_map(|(which, of)| of.shapes().map(move |(at, shape)| (which, at, shape)));
        let shapes: Vec<_> = shapes.collect();
        let words = entities.iter().enumerate().map(|(which, info)| (which, info.words.as_slice()));
        let lexicon = Lexicon::compile(words);
        let rank = |which: usize| entities.get(which).map_or(0, |info: &&EntityInfo| info.rank);
        let strongest = |reads: fn(&Find) -> bool| {
            entities.iter().filter(|info| reads(&info.find)).map(|info| info.rank).max().unwrap_or(0)
        };
        Self {
            lead: shapes.iter().map(|(_, _, shape)| shape.lead).fold(phone::LEAD, usize::max),
            shapes: Index::compile(shapes.into_iter(), &lexicon, rank),
            strongest: strongest(Find::reads_digits),
            strongest_name: strongest(Find::reads_capitals),
            lexicon,
            at_sign: anchored(Anchor::AtSign),
            at_digit: anchored(Anchor::Digit),
            at_date: (0..entities.len())
                .filter(|n| entities.get(*n).is_some_and(|i| matches!(i.find, Find::BirthDate(_))))
                .collect(),
            at_colon: anchored(Anchor::Colon),
            at_long_word: anchored(Anchor::LongWord),
            at_degrees: anchored(Anchor::Degrees),
            at_capital: (0..entities.len())
                .filter(|n| entities.get(*n).is_some_and(|i| i.find.reads_capitals()))
                .collect(),
            at_key: (0..entities.len())
                .filter(|n| entities.get(*n).is_some_and(|i| i.find.reads_keys()))
                .collect(),
            at_end: (0..entities.len())
                .filter(|n| entities.get(*n).is_some_and(|i| i.find.has_tail()))
                .collect(),
            literals: Literals::compile(entities.iter().map(|info| info.find.literals())),
            customs: Customs::compile(own.collect()),
            entities,
        }
    }

    /// The scanner for every entity of the catalogue.
    pub fn all() -> Self {
        Self::compile(&catalogue().iter().map(|info| info.entity).collect::<Vec<_>>())
    }

    /// Whether it looks for nothing.
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty() && self.customs.is_empty()
    }

    /// Whether the whole of a text is looked for because of its key.
    pub fn names(&self, key: Option<&str>) -> bool {
        self.customs.names(key)
    }

    /// Appends the findings that start at `from` or later: sorted, not overlapping. The text ends where it ends.
    pub fn scan(&self, text: &[u8], from: usize, context: &Context<'_>, found: &mut Vec<Finding>) {
        self.pass(text, from, context, true, found);
    }

    /// The same for a text that may go on: appends only what no further byte can change, and says from where on the
    /// text is still open. Before that offset nothing else will be found.
    ///
    /// At most [`MAX_OPEN`] bytes and the reach of the slowest reader (some 4 KiB) stay open.
    pub fn scan_part(
        &self,
        text: &[u8],
        from: usize,
        context: &Context<'_>,
        found: &mut Vec<Finding>,
    ) -> Open {
        self.pass(text, from, context, false, found)
    }

    /// How much of a text is final whatever bytes follow; see [`scan_part`](Self::scan_part), which tells it with the
    /// findings in one pass.
    pub fn open_from(&self, text: &[u8]) -> usize {
        self.pass(text, 0, &Context::default(), false, &mut Vec::new()).from
    }

    /// Either, for who knows what to do where a detector of the host fails.
    pub(crate) fn pass(
        &self,
        text: &[u8],
        from: usize,
        context: &Context<'_>,
        whole: bool,
        found: &mut Vec<Finding>,
    ) -> Open {
        if whole && from == 0 && self.customs.is_empty() && context.carry == Carry::default() {
            let failed = self.whole(text, context.key, context.given, found);
            return Open { from: text.len(), carry: Carry::default(), failed };
        }
        self.look(text, from, context, whole, found)
    }

    /// The findings of a text that is handed over at once; whether a detector of the host failed.
    #[inline]
    pub(crate) fn whole(
        &self,
        text: &[u8],
        key: Option<&str>,
        given: Given,
        found: &mut Vec<Finding>,
    ) -> bool {
        let short = if self.customs.is_empty() { Short::of(self.customs.id(), key, text) } else { None };
        if short.as_ref().is_some_and(Short::is_known) {
            return false;
        }
        let before = found.len();
        let open = self.look(text, 0, &Context { key, given, ..Context::default() }, true, found);
        if let Some(short) = short.filter(|_| found.len() == before) {
            short.keep();
        }
        open.failed
    }

    /// The same where nothing is known of the text.
    fn look(
        &self,
        text: &[u8],
        from: usize,
        context: &Context<'_>,
        whole: bool,
        found: &mut Vec<Finding>,
    ) -> Open {
        let kept = from.saturating_sub(KEPT);
        let window = text.get(kept..).unwrap_or_default();
        let looked = context.carry.looked.map_or(0, |looked| from - kept + looked);
        let layers = Layers::read(window, whole, &context.carry.places, looked);
        let window = window.get(..layers.end).unwrap_or_default();
        let (before, mut from) = (from.saturating_sub(EARLIER) - kept, from - kept);
        let carry = |from: usize, inside| {
            let next = (kept + from).saturating_sub(KEPT);
            let looked = layers.looked().and_then(|end| end.checked_sub(from));
            Carry { inside, places: layers.places(window, next.saturating_sub(kept)), looked }
        };
        if let Some(inside) = context.carry.inside {
            let Some((end, goes_on)) = self.rest(window, &layers, from, inside, whole) else {
                return Open { from: text.len(), carry: Carry::default(), failed: false };
            };
            if end > from {
                let (span, disguised) = (kept + from..kept + end, inside.level > 0);
                found.push(Finding { entity: inside.entity, span, score: 100, disguised });
            }
            if goes_on.is_some() {
                return Open { from: kept + end, carry: carry(end, goes_on), failed: false };
            }
            from = end;
        }
        let mut settled = self.settled(window, (before, from), &layers, context, (whole, true));
        if settled.as_ref().is_ok_and(|settled| settled.uncovered) {
            settled = self.settled(window, (before, from), &layers, context, (whole, false));
        }
        let Ok(Settled { stands, open, inside, .. }) = settled else {
            return Open { from: kept + from, carry: Carry::default(), failed: true };
        };
        for candidate in stands {
            if let Some(entity) = self.entity(candidate.which) {
                let (span, disguised) = (kept + candidate.start..kept + candidate.end, candidate.level > 0);
                found.push(Finding { entity, span, score: candidate.score, disguised });
            }
        }
        let inside = inside.and_then(|cut| self.inside(&cut));
        let from = open.max(from);
        Open { from: kept + from, carry: carry(from, inside), failed: false }
    }

    /// What stands in a window and in the views of it, of what begins at `from` or later and is read from `before` on.
    fn settled(
        &self,
        window: &[u8],
        (before, from): (usize, usize),
        layers: &Layers,
        context: &Context<'_>,
        (whole, covering): (bool, bool),
    ) -> Result<Settled, Failed> {
        let plain = Input::new(window.get(before..).unwrap_or_default());
        let all = 0..plain.len();
        let read = self.read(plain, from - before, slice::from_ref(&all), context, (whole, covering));
        let (mut candidates, limit) = read?;
        candidates.iter_mut().for_each(|candidate| candidate.shift(before));
        let mut limit = limit + before;
        for (level, (view, origin)) in (1..).zip(layers.views()) {
            let (view, begin, parts) = (Input::of_view(view, origin), origin.at(from), origin.parts());
            let (seen, open) = self.read(view, begin, &parts, context, (whole, covering))?;
            limit = limit.min(origin.start(open));
            candidates.extend(seen.into_iter().map(|this| {
                let (start, end) = (origin.start(this.start), origin.end(this.end));
                // Readers of the catalogue wake near units only. What of the policy's own no unit stands in is the text's.
                let own = this.which >= self.entities.len();
                let void = this.void || own && end - start == this.end - this.start;
                Candidate { start, end, low: origin.start(this.low), level, void, ..this }
            }));
        }
        let limit = if whole { window.len() } else { limit.max(from) };
        Ok(settle(candidates, limit))
    }

    /// What the readers find in these parts of a text or of a view of it, and where it is still open.
    fn read(
        &self,
        input: Input<'_>,
        from: usize,
        parts: &[Range<usize>],
        context: &Context<'_>,
        (whole, covering): (bool, bool),
    ) -> Result<(Vec<Candidate>, usize), Failed> {
        let key = context.key;
        let sight = Sight::new(&self.lexicon, key);
        let mut pass = Pass::new(self, input, from, sight, (whole, covering));
        if let Some(key) = key.filter(|_| from == 0) {
            pass.key(key);
        }
        for part in parts.iter().filter(|part| part.end > from) {
            pass.blocks(part);
            pass.literals(part);
        }
        if !self.customs.is_empty() {
            let (first, pass) = (self.entities.len(), &mut pass);
            let looked = self.customs.look(&pass.input, from, context, (first, whole), &mut pass.candidates);
            let limit = looked?;
            pass.undecided(limit);
        }
        let limit = pass.limit();
        Ok((pass.candidates, limit))
    }

    /// Where a value ends that is longer than is kept back, and what it is where that is still unknown; `None` where none of
    /// these entities has it.
    fn rest(
        &self,
        text: &[u8],
        layers: &Layers,
        from: usize,
        inside: Inside,
        whole: bool,
    ) -> Option<(usize, Option<Inside>)> {
        let Some(info) = self.entities.iter().find(|info| info.entity == inside.entity) else {
            return self.customs.rest(&Input::new(text), from, inside, whole);
        };
        let (end, touched) = match layers.views().take(usize::from(inside.level)).last() {
            None => {
                let input = Input::new(text);
                (info.find.continued(&input, from), input.take_touched())
            }
            Some((view, origin)) => {
                let (input, begin) = (Input::new(view), origin.at(from));
                let end = info.find.continued(&input, begin);
                (if end > begin { origin.end(end) } else { from }, input.take_touched())
            }
        };
        Some((end, (touched && !whole).then_some(inside)))
    }

    fn entity(&self, which: usize) -> Option<Entity> {
        match which.checked_sub(self.entities.len()) {
            None => self.entities.get(which).map(|info| info.entity),
            Some(own) => self.customs.entity(own),
        }
    }

    fn inside(&self, this: &Candidate) -> Option<Inside> {
        match this.which.checked_sub(self.entities.len()) {
            None => Some(Inside { entity: self.entity(this.which)?, state: 0, of: 0, level: this.level }),
            Some(own) => self.customs.inside(own, this.state),
        }
    }
}
