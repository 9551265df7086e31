//! The segment at hand, written past the page cache.
//!
//! A group that is written through the page cache is copied there, marked, found again by the sync and written in whole pages, which costs the more the larger these are.
//! Past it the same blocks go to the disk at once. What makes it durable is the same: the write, and a flush of the disk after it, which is one call where the
//! file system is known to do both.
//!
//! ```text
//! block   |.. entries, written before |  the group   |   zeros |
//!         ^ a multiple of BLOCK       ^ where it is to stand   ^ a multiple of BLOCK
//! ```
//!
//! The disk takes whole blocks only, so the block in which a group begins is written again as it was up to there. Power that fails meanwhile leaves its sectors
//! old or new, and what was acknowledged is the same in both. Readers see what was written: the operating system drops the pages that it has of it.
//!
//! Not every file system has this. Where it does not take a block as it stands in the file, the segment is written as any file is; where the disk fails at
//! that, this is an error like any other.

use std::fs::File;
use std::io;
use std::path::Path;

use super::segment::Disk;

/// What disks take whole: no file system in use asks for more.
pub(super) const BLOCK: usize = 4_096;

/// The disk for a file that is open to be written: past the page cache, from `at` on, where that can be done.
pub(super) fn disk(file: File, path: &Path, at: u64) -> io::Result<Box<dyn Disk>> {
    #[cfg(target_os = "linux")]
    if let Some(direct) = linux::Direct::over(path, at)? {
        return Ok(Box::new(direct));
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (path, at);
    Ok(Box::new(file))
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{File, OpenOptions};
    use std::io::{self, ErrorKind as Io};
    use std::ops::Range;
    use std::os::unix::fs::{FileExt, OpenOptionsExt};
    use std::path::Path;

    use rustix::fs::{OFlags, StatFs};

    use super::BLOCK;
    use crate::audit::log::segment::Disk;

    /// Of what kind the file systems are whose writes are known to be durable where a file is opened for that (`O_DSYNC`): ext4 and XFS. Another one may
    /// take the flag and forget it, and would say of what it has not synced what these say of what they have.
    const KEEP_WORD: [u64; 2] = [0xef53, 0x5846_5342];

    fn keeps_word(kind: &StatFs) -> bool {
        u64::try_from(kind.f_type).is_ok_and(|kind| KEEP_WORD.contains(&kind))
    }

    pub(super) struct Direct {
        file: File,
        /// Whether a write that has ended is durable: one call instead of two, and the same write and flush of the disk.
        is_durable: bool,
        /// What was written last, which has the block that the next write begins in.
        buffer: Aligned,
        from: u64,
    }

    impl Direct {
        /// Over a file that is continued at a place; `None` where its blocks cannot be written so.
        pub(super) fn over(path: &Path, at: u64) -> io::Result<Option<Self>> {
            match Self::try_over(path, at) {
                Ok(direct) => Ok(Some(direct)),
                // No such flag, no such write, or a file that ends within the block.
                Err(e) if matches!(e.kind(), Io::InvalidInput | Io::Unsupported | Io::UnexpectedEof) => {
                    Ok(None)
                }
                Err(e) => Err(e),
            }
        }

        fn try_over(path: &Path, at: u64) -> io::Result<Self> {
            let mut block = [0; BLOCK];
            let from = at - at % BLOCK as u64;
            File::open(path)?.read_exact_at(&mut block, from)?;
            let is_durable = keeps_word(&rustix::fs::statfs(path)?);
            let flags = if is_durable { OFlags::DIRECT | OFlags::DSYNC } else { OFlags::DIRECT };
            let flags = i32::try_from(flags.bits()).map_err(|_| Io::Unsupported)?;
            let file = OpenOptions::new().write(true).custom_flags(flags).open(path)?;
            let mut direct = Self { file, is_durable, buffer: Aligned::default(), from };
            // As it stands there: this only shows whether it can be done.
            direct.put(from, 0..0, &block)?;
            Ok(direct)
        }

        /// Writes blocks: of what was written last those bytes, then these, then zeros.
        fn put(&mut self, from: u64, before: Range<usize>, bytes: &[u8]) -> io::Result<()> {
            let (head, end) = (before.len(), before.len() + bytes.len());
            let whole = self.buffer.keep(before, end.next_multiple_of(BLOCK)).ok_or_else(wrong)?;
            whole.get_mut(head..end).ok_or_else(wrong)?.copy_from_slice(bytes);
            whole.get_mut(end..).ok_or_else(wrong)?.fill(0);
            self.from = from;
            self.file.write_all_at(whole, from)
        }
    }

    impl Disk for Direct {
        fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
            let from = at - at % BLOCK as u64;
            let place = |at: u64| at.checked_sub(self.from).and_then(|at| usize::try_from(at).ok());
            // Where a block begins nothing of it was written.
            let before = if from == at { Some(0..0) } else { place(from).zip(place(at)).map(|(a, b)| a..b) };
            self.put(from, before.ok_or_else(wrong)?, bytes)
        }

        fn sync(&mut self) -> io::Result<()> {
            if self.is_durable { Ok(()) } else { self.file.sync_data() }
        }

        fn room(&self) -> io::Result<u64> {
            Ok(self.file.metadata()?.len())
        }

        fn cut(&mut self, length: u64) -> io::Result<()> {
            self.file.set_len(length)
        }
    }

    fn wrong() -> io::Error {
        io::Error::new(Io::InvalidInput, "a segment is written where its last write ended")
    }

    /// Bytes that begin at a multiple of [`BLOCK`] in memory, as the disk reads them from there.
    #[derive(Default)]
    struct Aligned {
        bytes: Vec<u8>,
        start: usize,
        length: usize,
    }

    impl Aligned {
        /// Room for so many, which begins with some of those that were in it.
        fn keep(&mut self, some: Range<usize>, length: usize) -> Option<&mut [u8]> {
            let some = self.start.checked_add(some.start)?..self.start.checked_add(some.end)?;
            if some.end > self.start + self.length || some.len() > length {
                return None;
            }
            if self.bytes.len() < length + BLOCK {
                let mut bytes = vec![0; length + BLOCK];
                self.start = bytes.as_ptr().align_offset(BLOCK);
                let kept = bytes.get_mut(self.start..)?.get_mut(..some.len())?;
                kept.copy_from_slice(self.bytes.get(some)?);
                self.bytes = bytes;
            } else {
                self.bytes.copy_within(some, self.start);
            }
            self.length = length;
            self.bytes.get_mut(self.start..)?.get_mut(..length)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What a segment holds after groups of these lengths are written, one behind another, from a place on.
    fn written(room: usize, at: usize, groups: &[usize]) -> (Vec<u8>, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("segment");
        let mut expected = vec![0; room];
        expected[..at].fill(b'h');
        fs::write(&path, &expected).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        let mut disk = disk(file, &path, at as u64).unwrap();
        assert_eq!(fs::read(&path).unwrap(), expected, "nothing is altered");
        let mut place = at;
        for (number, length) in groups.iter().enumerate() {
            let group = vec![number as u8 + 1; *length];
            disk.write_at(place as u64, &group).unwrap();
            disk.sync().unwrap();
            if expected.len() < place + length {
                expected.resize(place + length, 0);
            }
            expected[place..place + length].copy_from_slice(&group);
            place += length;
            // Whoever reads meanwhile has pages of it.
            let there = fs::read(&path).unwrap();
            assert!(there.starts_with(&expected), "{number}");
            assert!(
                there[expected.len()..].iter().all(|byte| *byte == 0)
                    && disk.room().unwrap() == there.len() as u64
            );
        }
        disk.cut(place as u64).unwrap();
        (fs::read(&path).unwrap(), expected[..place].to_vec())
    }

    #[test]
    fn groups_of_any_length_stand_one_behind_another_and_zeros_behind_them() {
        for at in [0, 1, 512, 4_095, 4_096, 4_097, 10_000] {
            for groups in [&[1, 1, 4_094, 1, 1][..], &[4_096, 4_096, 3], &[9_000, 100_000, 20, 5_000, 4_096]]
            {
                let (there, expected) = written(256 << 10, at, groups);
                assert!(there == expected, "{at} {groups:?}");
            }
        }
    }

    #[test]
    fn a_segment_grows_and_one_that_ends_within_a_block_is_written_as_any_file_is() {
        for room in [8_192, 10_000, 300] {
            let (there, expected) = written(room, 200, &[50, 9_000, 2_000, 40_000]);
            assert!(there == expected, "{room}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_was_not_written_here_is_not_made_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("segment");
        fs::write(&path, vec![b'h'; 64 << 10]).unwrap();
        let Some(mut direct) = linux::Direct::over(&path, 5_000).unwrap() else { return };
        direct.write_at(5_000, b"group").unwrap();
        for elsewhere in [100, 9_000, 20_001] {
            assert_eq!(direct.write_at(elsewhere, b"group").unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
        let missing = linux::Direct::over(&folder.path().join("none"), 0);
        assert_eq!(missing.err().map(|e| e.kind()), Some(io::ErrorKind::NotFound));
    }
}
