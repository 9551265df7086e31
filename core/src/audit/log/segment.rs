//! Segments: the files that hold the entries. A header with the tree's edge at the first entry, so that a reader can
//! begin in the middle of a log, then frames:
//!
//! ```text
//! header  "WARDLOG1" | length u32 | crc32c u32 | first index u64 | levels u32 | (count u32 | hashes)*
//! frame   length u32 | crc32c u32 | index u64 | group u32 | record
//! ```
//!
//! Integers are little-endian; a frame's CRC-32C covers everything in it but itself. `group` counts the frames before this
//! one that were written under the same sync: what precedes a group was durable before the group was begun. That
//! tells a torn group, whose pages reached the disk in any order, from a log that was altered. Unused space is zeros.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::spare::Ready;
use crate::audit::merkle::{Hash, Tree};

/// Bytes of a frame before its record.
pub(in crate::audit) const FRAME: usize = 20;

/// The longest entry (C2SP tlog-tiles writes lengths as u16).
pub(in crate::audit) const MAX_ENTRY: usize = 65_535;

/// More than the head of any segment takes.
pub(super) const HEADER: u64 = 1 << 17;

/// Records that are synced together.
pub(super) const GROUP: usize = 256;

/// The longest group: what a writer that died leaves behind the last entry is no longer.
const LONGEST_GROUP: usize = GROUP * (FRAME + MAX_ENTRY);

const MAGIC: &[u8; 8] = b"WARDLOG1";

/// The file of segment `number` (from 1) under a log's folder.
pub(in crate::audit) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join("seg").join(format!("{number:012}.seg"))
}

/// The numbers of the segments that are there, in order.
pub(in crate::audit) fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder.join("seg"))? {
        let name = entry?.file_name();
        if let Some(number) = name.to_str().and_then(|n| n.strip_suffix(".seg")).and_then(|n| n.parse().ok())
        {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Files of segments that were not begun in the end: no segment is read from them.
pub(super) fn unfinished(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder.join("seg"))? {
        let path = entry?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        if number.is_some_and(|number| fresh(&self::path(folder, number)) == path) {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// What the file of a segment is called until it is whole.
fn fresh(path: &Path) -> PathBuf {
    path.with_extension("new")
}

/// A segment that was begun, the place of its first frame, and how far it is zeros that the disk has.
pub(super) struct Begun {
    pub(super) file: File,
    pub(super) first: u64,
    pub(super) zeros: u64,
}

/// Makes a segment that begins at the tree's size, with room for `bytes` in all: of the file that was made ready for it, where one was.
pub(super) fn begin(
    folder: &Path,
    number: u64,
    tree: &Tree,
    bytes: u64,
    ready: Option<Ready>,
) -> io::Result<Begun> {
    let header = header(tree);
    let first = header.len() as u64;
    let path = path(folder, number);
    // Under another name until it is whole: a crash leaves no segment without a header.
    let fresh = fresh(&path);
    // Where somebody removed it, another one is made.
    let ready = ready.filter(|ready| fs::rename(&ready.path, &fresh).is_ok());
    let (mut file, zeros) = match ready {
        Some(ready) => (ready.file, ready.zeros),
        None => (create(&fresh)?, 0),
    };
    reserve(&file, bytes.max(first))?;
    file.write_at(0, &header)?;
    file.sync_all()?;
    fs::rename(&fresh, &path)?;
    sync_folder(&folder.join("seg"))?;
    Ok(Begun { file, first, zeros: zeros.max(first) })
}

/// Reserves room, so that a full disk shows here and not at a record.
pub(super) fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
        Err(e) if e == rustix::io::Errno::OPNOTSUPP => {}
        result => return result.map_err(Into::into),
    }
    file.set_len(bytes)
}

/// The file of the segment that is written, as the log uses it: tests put one that fails in its place.
pub(super) trait Disk: Send {
    /// Writes at a place.
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// Makes what was written durable, where it is not yet.
    fn sync(&mut self) -> io::Result<()>;
    /// How many bytes it holds or has room for.
    fn room(&self) -> io::Result<u64>;
    /// Gives back what it has reserved and does not need.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Disk for File {
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(at))?;
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn room(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// How a file is opened that its owner alone may read.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a file, or empties it.
pub(in crate::audit) fn create(path: &Path) -> io::Result<File> {
    private().create(true).truncate(true).open(path)
}

/// Makes names in a folder durable.
pub(in crate::audit) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

fn header(tree: &Tree) -> Vec<u8> {
    let mut rest = tree.size().to_le_bytes().to_vec();
    rest.extend(le32(tree.edge().len()));
    for row in tree.edge() {
        rest.extend(le32(row.len()));
        row.iter().for_each(|hash| rest.extend(hash));
    }
    let length = le32(rest.len() + 16);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&length), &rest);
    [MAGIC.as_slice(), &length, &crc.to_le_bytes(), &rest].concat()
}

/// The tree at the first entry of a segment, and the place of that entry; `None` where the header is not good.
pub(in crate::audit) fn read_header(bytes: &[u8]) -> Option<(Tree, usize)> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let total = u32::from_le_bytes(*length) as usize;
    let mut rest = rest.get(..total.checked_sub(16)?)?;
    if crc32c::crc32c_append(crc32c::crc32c(length), rest) != u32::from_le_bytes(*crc) {
        return None;
    }
    let size = u64::from_le_bytes(*take(&mut rest)?);
    let mut levels = Vec::new();
    for _ in 0..u32::from_le_bytes(*take(&mut rest)?) {
        let count = u32::from_le_bytes(*take(&mut rest)?);
        levels.push((0..count).map(|_| take::<32>(&mut rest).copied()).collect::<Option<Vec<Hash>>>()?);
    }
    let tree = Tree::from_edge(size, levels).ok().filter(|_| rest.is_empty())?;
    Some((tree, total))
}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(head)
}

fn le32(n: usize) -> [u8; 4] {
    u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes()
}

/// Appends a frame whose record `write` appends; returns where the record lies in `out`.
pub(super) fn frame<E>(
    out: &mut Vec<u8>,
    index: u64,
    group: u32,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<std::ops::Range<usize>, E> {
    let start = out.len();
    out.extend([0; FRAME]);
    write(out)?;
    let record = start + FRAME..out.len();
    let length = le32(record.len());
    if let Some((head, body)) = out.get_mut(start..).and_then(|frame| frame.split_first_chunk_mut::<FRAME>())
    {
        let index = index.to_le_bytes();
        let group = group.to_le_bytes();
        let crc = [length.as_slice(), &index, &group, body]
            .iter()
            .fold(0, |crc, part| crc32c::crc32c_append(crc, part));
        let parts = length.into_iter().chain(crc.to_le_bytes()).chain(index).chain(group);
        head.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    }
    Ok(record)
}

/// A good frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::audit) struct Frame<'a> {
    pub(in crate::audit) index: u64,
    pub(in crate::audit) group: u32,
    pub(in crate::audit) record: &'a [u8],
    /// Where the next one begins.
    pub(in crate::audit) next: usize,
}

/// How long the record of a frame says that it is; `head` is at least the frame's first bytes.
pub(in crate::audit) fn length(head: &[u8]) -> usize {
    head.first_chunk::<4>().map_or(0, |length| u32::from_le_bytes(*length) as usize)
}

/// What stands at a place in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::audit) enum Step<'a> {
    Frame(Frame<'a>),
    /// Nothing but zeros from here on.
    End,
    /// Something that is no good frame.
    Bad,
}

/// Reads what stands at `at`.
pub(in crate::audit) fn step(bytes: &[u8], at: usize) -> Step<'_> {
    match good_frame(bytes, at) {
        Some(frame) => Step::Frame(frame),
        None if bytes.get(at..).is_none_or(is_zero) => Step::End,
        None => Step::Bad,
    }
}

fn good_frame(bytes: &[u8], at: usize) -> Option<Frame<'_>> {
    let (head, rest) = bytes.get(at..)?.split_first_chunk::<FRAME>()?;
    let mut head = head.as_slice();
    let length = take::<4>(&mut head)?;
    let crc = take::<4>(&mut head)?;
    let size = u32::from_le_bytes(*length) as usize;
    if size == 0 || size > MAX_ENTRY {
        return None;
    }
    let record = rest.get(..size)?;
    let sum = [length.as_slice(), head, record].iter().fold(0, |crc, part| crc32c::crc32c_append(crc, part));
    if sum != u32::from_le_bytes(*crc) {
        return None;
    }
    let index = u64::from_le_bytes(*take(&mut head)?);
    let group = u32::from_le_bytes(*take(&mut head)?);
    Some(Frame { index, group, record, next: at + FRAME + size })
}

fn is_zero(bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<64>();
    blocks.iter().all(|block| *block == [0; 64]) && rest.iter().all(|byte| *byte == 0)
}

/// The bytes up to the last that is not zero, and behind them as many as a record could end in that are.
pub(in crate::audit) fn used(bytes: &[u8]) -> &[u8] {
    let last = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1 + MAX_ENTRY);
    bytes.get(..last).unwrap_or(bytes)
}

/// The next good frame of index `from` or later, at any place from `at` on.
pub(in crate::audit) fn resume(bytes: &[u8], at: usize, from: u64) -> Option<(usize, Frame<'_>)> {
    (at..bytes.len()).find_map(|place| {
        // Cheap first: a frame of this log has an index at or a little above the one awaited.
        let index = bytes.get(place + 8..)?.first_chunk::<8>().map(|b| u64::from_le_bytes(*b))?;
        if index < from || index - from > bytes.len() as u64 {
            return None;
        }
        good_frame(bytes, place).map(|frame| (place, frame))
    })
}

/// How many bytes the torn end of an unsynced group takes, up to the last that is not zero, where the frame of `index` was awaited at `at` and bad bytes
/// stand. `None` where they are no such end: a frame behind them belongs to a later group, which proves that this place was once whole, or they reach
/// further than a group does.
pub(in crate::audit) fn torn(bytes: &[u8], at: usize, index: u64) -> Option<usize> {
    let last = bytes.iter().rposition(|byte| *byte != 0)?;
    let length = (last + 1).checked_sub(at).filter(|length| *length <= LONGEST_GROUP)?;
    let bytes = used(bytes);
    let mut from = at;
    while let Some((_, frame)) = resume(bytes, from + 1, index) {
        if frame.index.saturating_sub(u64::from(frame.group)) > index {
            return None;
        }
        from = frame.next - 1;
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(groups: &[&[&[u8]]]) -> Vec<u8> {
        let (mut out, mut index) = (Vec::new(), 0);
        for group in groups {
            for (i, record) in group.iter().enumerate() {
                frame(&mut out, index, i as u32, |out| {
                    out.extend(*record);
                    Ok::<_, io::Error>(())
                })
                .unwrap();
                index += 1;
            }
        }
        out
    }

    #[test]
    fn frames_read_back_and_no_flipped_bit_passes() {
        let mut bytes = frames(&[&[b"one", b"two"]]);
        bytes.extend([0; 100]);
        let Step::Frame(first) = step(&bytes, 0) else { panic!() };
        assert_eq!((first.index, first.group, first.record), (0, 0, b"one".as_slice()));
        let Step::Frame(second) = step(&bytes, first.next) else { panic!() };
        assert_eq!((second.index, second.group, second.record), (1, 1, b"two".as_slice()));
        assert_eq!(step(&bytes, second.next), Step::End);
        for at in 0..first.next {
            for bit in 0..8 {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1 << bit;
                assert_eq!(step(&bytes, 0), Step::Bad);
            }
        }
    }

    #[test]
    fn a_torn_group_is_not_taken_for_an_altered_log() {
        let mut torn = frames(&[&[b"one"], &[b"two", b"three", b"four"]]);
        torn[30..40].fill(0);
        let length = torn.len() - 23;
        torn.extend([0; 100]);
        assert_eq!(super::torn(&torn, 23, 1), Some(length));
        let mut altered = frames(&[&[b"one"], &[b"two"], &[b"three"]]);
        altered[30] ^= 1;
        assert_eq!(super::torn(&altered, 23, 1), None);
    }

    #[test]
    fn what_lies_further_behind_the_last_entry_than_a_group_reaches_is_no_torn_group() {
        let mut bytes = frames(&[&[b"one"]]);
        let end = bytes.len();
        bytes.resize(end + LONGEST_GROUP + 2, 0);
        bytes[end + LONGEST_GROUP - 1] = 1;
        assert_eq!(torn(&bytes, end, 1), Some(LONGEST_GROUP));
        bytes[end + LONGEST_GROUP] = 1;
        assert_eq!(torn(&bytes, end, 1), None);
    }

    #[test]
    fn a_header_gives_the_tree_back() {
        let mut tree = Tree::default();
        (0..700_u32).for_each(|i| tree.push([i as u8; 32], &mut |_, _, _| {}));
        let bytes = header(&tree);
        assert_eq!(read_header(&bytes).unwrap(), (tree, bytes.len()));
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            assert_eq!(read_header(&bytes), None);
        }
    }
}
