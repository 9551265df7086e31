//! One body on its way through: decoded where it is coded, masked where the plan says so, counted in any case.

use super::behind::Behind;
use crate::audit::{Clear, Found, Passed};
use crate::coding::Decoder;
use crate::json::FaultCode;
use crate::keys::hex;
use crate::mask::{MaskError, Masked, Masker, Release, Reread};
use crate::model::{Census, Unit};
use crate::vector::{FileCounter, Paths};
use crate::watch::Spotter;

/// The body of one direction of an exchange.
pub(super) struct Body {
    decoder: Option<Decoder>,
    /// Apart, like the second reading: an exchange is moved about, and most have one of these five.
    masker: Option<Box<Masker>>,
    /// What counts a file that masking does not read.
    file: Option<Box<FileCounter>>,
    changes: bool,
    uncountable: bool,
    decoded: Vec<u8>,
    aside: Vec<u8>,
    bytes: u64,
    /// What went on, for those who read it after that.
    behind: Behind,
    /// A copy of what went on.
    kept: Option<Box<Clear>>,
    /// Looks for canaries in what goes on.
    spotter: Option<Box<Spotter>>,
    /// Where vectors stand that are left out.
    strip: Option<&'static Paths>,
    /// Nothing more that is counted goes on.
    ended: bool,
    /// The census as it stood when bytes last went on: what was counted behind them has not left.
    left: Left,
}

/// How much of a census went on.
#[derive(Clone, Copy, Default)]
struct Left {
    vectors: u64,
    rows: u64,
    texts: u64,
    ids: usize,
    more: usize,
    ids_total: u64,
}

/// What the body could not bear: a stable code.
pub(super) type Broken = &'static str;

/// It held something that no format reads.
pub(super) const UNMASKABLE: Broken = "unmaskable_request";

/// It held a value that must not pass at all.
pub(super) const DENIED: Broken = "denied_value";

impl Body {
    /// Bytes that nothing reads: counted and digested only.
    pub(super) fn passing() -> Self {
        Self::new(None, None, false)
    }

    /// Bytes that are read as they pass and never changed: a census, or the mode `observe`.
    pub(super) fn watched(masker: Masker) -> Self {
        Self::new(None, Some(masker.observing()), false)
    }

    /// Bytes of a file, which is counted as it passes.
    pub(super) fn file(counter: FileCounter) -> Self {
        Self { file: Some(Box::new(counter)), ..Self::passing() }
    }

    /// The same body, whose files are counted beside what masking reads.
    pub(super) fn with_files(mut self, files: Option<FileCounter>) -> Self {
        self.file = files.map(Box::new);
        self
    }

    /// Whether anything is read of it.
    pub(super) fn reads(&self) -> bool {
        self.masker.is_some() || self.file.is_some()
    }

    /// The same body, behind this coding.
    pub(super) fn decoding(mut self, decoder: Option<Decoder>) -> Self {
        self.decoder = decoder;
        self
    }

    /// Bytes that go on decoded and masked.
    pub(super) fn masked(decoder: Option<Decoder>, masker: Masker) -> Self {
        Self::new(decoder, Some(masker), true).digesting(true)
    }

    /// The same body, whose digest is made however long it is, changed or not.
    pub(super) fn digesting(mut self, whole: bool) -> Self {
        self.behind.digesting(whole);
        self
    }

    /// The same body, of which what went on is read once more.
    pub(super) fn rereading(mut self, reread: Option<Reread>) -> Self {
        self.behind.rereading(reread);
        self
    }

    /// The same body, of which what goes on is kept.
    pub(super) fn capturing(mut self, kept: Option<Clear>) -> Self {
        self.kept = kept.map(Box::new);
        self
    }

    /// The same body, of which no part of a value goes on before it is counted.
    pub(super) fn holding(mut self) -> Self {
        self.changes = true;
        self
    }

    /// The same body, whose plan leaves out the vectors at these places.
    pub(super) fn stripping(mut self, strip: Option<&'static Paths>) -> Self {
        self.strip = strip;
        self
    }

    fn new(decoder: Option<Decoder>, masker: Option<Masker>, changes: bool) -> Self {
        Self {
            decoder,
            masker: masker.map(Box::new),
            file: None,
            changes,
            uncountable: false,
            decoded: Vec::new(),
            aside: Vec::new(),
            bytes: 0,
            behind: Behind::default(),
            kept: None,
            spotter: None,
            strip: None,
            ended: false,
            left: Left::default(),
        }
    }

    /// Whether its items are counted before its bytes go on, so that it can be cut between two of them.
    pub(super) fn tells_items(&self) -> bool {
        self.changes && self.masker.as_deref().and_then(Masker::census).is_some()
    }

    /// A piece without its coding, for [`push_clear`](Self::push_clear).
    pub(super) fn decode<'b>(&'b mut self, input: &'b [u8]) -> Result<&'b [u8], Broken> {
        let Some(decoder) = &mut self.decoder else { return Ok(input) };
        self.decoded.clear();
        if decoder.push(input, &mut self.decoded).is_err() {
            return self.broken("unsupported_coding").map(|_| &[][..]);
        }
        Ok(&self.decoded)
    }

    /// Takes a part of what [`decode`](Self::decode) gave, as [`push`](Self::push) does.
    pub(super) fn push_clear(&mut self, clear: &[u8], out: &mut Vec<u8>) -> Result<Release, Broken> {
        let Some(masker) = &mut self.masker else { return Ok(Release::Unchanged) };
        match masker.push(clear, out) {
            Ok(release) => Ok(release),
            Err(fault) => self.broken(code_of(fault)),
        }
    }

    /// Takes a piece. `Unchanged` means that exactly `input` may go on; otherwise what may go on was appended
    /// to `out`.
    pub(super) fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Release, Broken> {
        if let Some(file) = &mut self.file {
            file.push(input);
        }
        let Some(masker) = &mut self.masker else { return Ok(Release::Unchanged) };
        let clear = match &mut self.decoder {
            None => input,
            Some(decoder) => {
                self.decoded.clear();
                if decoder.push(input, &mut self.decoded).is_err() {
                    return self.broken("unsupported_coding");
                }
                &self.decoded
            }
        };
        if !self.changes {
            self.aside.clear();
            return match masker.push(clear, &mut self.aside) {
                Ok(_) => Ok(Release::Unchanged),
                Err(fault) => self.broken(code_of(fault)),
            };
        }
        match masker.push(clear, out) {
            Ok(Release::Unchanged) if self.decoder.is_some() => {
                out.extend_from_slice(clear);
                Ok(Release::Changed)
            }
            Ok(release) => Ok(release),
            Err(fault) => self.broken(code_of(fault)),
        }
    }

    /// Ends the body: what was held back is appended to `out`.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Broken> {
        let Some(masker) = &mut self.masker else { return Ok(()) };
        self.aside.clear();
        let sink = if self.changes { out } else { &mut self.aside };
        if let Some(decoder) = &mut self.decoder {
            self.decoded.clear();
            if decoder.finish(&mut self.decoded).is_err() {
                return self.broken("unsupported_coding").map(|_| ());
            }
            match masker.push(&self.decoded, sink) {
                Ok(Release::Unchanged) => sink.extend_from_slice(&self.decoded),
                Ok(Release::Changed) => {}
                Err(fault) => return self.broken(code_of(fault)).map(|_| ()),
            }
        }
        match masker.finish(sink) {
            Ok(()) => Ok(()),
            Err(fault) => self.broken(code_of(fault)).map(|_| ()),
        }
    }

    /// A watched body goes on unread from here; a masked one must stop.
    fn broken(&mut self, code: Broken) -> Result<Release, Broken> {
        self.uncountable = true;
        if self.changes {
            return Err(code);
        }
        self.masker = None;
        Ok(Release::Unchanged)
    }

    /// Notes what really went on.
    pub(super) fn released(&mut self, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        self.behind.push(bytes);
        if let Some(kept) = &mut self.kept {
            kept.push(bytes);
        }
        if let Some(spotter) = &mut self.spotter {
            spotter.push(bytes);
        }
        self.settle();
    }

    /// From here on canaries are looked for in what goes on.
    pub(super) fn spot(&mut self, spotter: Option<Spotter>) {
        self.spotter = spotter.map(Box::new);
    }

    /// Whether one went on.
    pub(super) fn spotted(&self) -> bool {
        self.spotter.as_ref().is_some_and(|spotter| spotter.found())
    }

    /// Whether an id came that is looked for.
    pub(super) fn met(&self) -> bool {
        self.masker.as_deref().is_some_and(Masker::met)
    }

    /// What was counted so far goes on.
    pub(super) fn settle(&mut self) {
        if let Some(census) = self.census().filter(|_| !self.ended) {
            let Census { vectors, rows, texts, ref ids, ref more, ids_total } = *census;
            self.left = Left { vectors, rows, texts, ids: ids.len(), more: more.len(), ids_total };
        }
    }

    /// What is counted from the last [`settle`](Self::settle) on does not go on.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// How much of `unit` came through so far; `None` where this body cannot tell.
    pub(super) fn count(&self, unit: Unit) -> Option<u64> {
        if unit == Unit::Bytes {
            return Some(self.bytes);
        }
        if self.uncountable {
            return None;
        }
        let census = self.census()?;
        match unit {
            Unit::Vectors => Some(census.vectors),
            Unit::Rows | Unit::Documents => Some(census.rows),
            _ => None,
        }
    }

    /// The digests of the ids that came since this was asked last, and how many rows in all have no id; `None` where nothing counts them.
    pub(super) fn drawn(&mut self) -> Option<(Vec<u64>, u64)> {
        let masker = self.masker.as_mut().filter(|_| !self.uncountable)?;
        masker.counter().map(|counter| (counter.take_ids(), counter.nameless()))
    }

    fn census(&self) -> Option<&Census> {
        let file = || self.file.as_deref().and_then(FileCounter::census);
        self.masker.as_deref().and_then(Masker::census).or_else(file)
    }

    /// What the record says of it, and what is still to be read for that.
    pub(super) fn passed(self) -> (Passed, Option<Behind>) {
        let clear = self.kept.filter(|kept| !kept.is_empty());
        let mut passed = Passed { bytes: self.bytes, clear, ..Passed::default() };
        passed.census =
            self.file.as_deref().and_then(FileCounter::census).filter(|census| !census.is_empty()).cloned();
        if let Some(masker) = self.masker {
            let report = masker.into_report();
            let read = report.census.map(|mut census| {
                census.ids.truncate(self.left.ids);
                census.more.truncate(self.left.more);
                let Left { vectors, rows, texts, ids_total, .. } = self.left;
                Census { vectors, rows, texts, ids_total, ..census }
            });
            passed.census = read.filter(|census| !census.is_empty()).or(passed.census);
            passed.totals = report.totals;
            passed.findings = found(report.findings);
            for path in self.strip.iter().flat_map(|paths| paths.declared()) {
                // How many there were is told by their number, and where they stand by the catalogue.
                passed.stripped = passed.stripped.saturating_add(passed.totals.remove(path).unwrap_or(0));
                passed.findings.retain(|found| &*found.name != path);
            }
        }
        let behind = Some(self.behind).filter(Behind::tells);
        (passed, behind)
    }
}

fn code_of(fault: MaskError) -> Broken {
    match fault.code {
        FaultCode::Denied => DENIED,
        FaultCode::Failed => "guard_unavailable",
        FaultCode::Unmaskable => UNMASKABLE,
        _ => "malformed_body",
    }
}

/// Findings as a record has them.
pub(super) fn found(findings: Vec<Masked>) -> Vec<Found> {
    let one = |found: Masked| Found {
        name: found.what.text(),
        path: found.path,
        length: found.length as u64,
        digest: hex(&found.digest),
    };
    findings.into_iter().map(one).collect()
}
