//! The members of a zip archive, as NumPy packs arrays in it (`.npz`): each by its local header, so that no directory at the
//! end is needed.

use flate2::{Decompress, FlushDecompress};

use super::{Array, npy};

/// One member.
pub(super) struct Member {
    /// How long its header is.
    pub(super) header: usize,
    /// How many bytes of content follow.
    pub(super) size: u64,
    pub(super) array: Option<Array>,
    /// It is none: the directory begins here.
    pub(super) last: bool,
}

/// How much of a member must have come before its array is read.
const START: u64 = 4_096;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// The member that begins here; `None` where not enough of it has come, an error where it cannot be read as the bytes pass.
pub(super) fn member(bytes: &[u8]) -> Result<Option<Member>, ()> {
    match bytes.first_chunk::<4>() {
        None => return Ok(None),
        Some(b"PK\x03\x04") => {}
        Some(b"PK\x01\x02" | b"PK\x05\x06") => {
            return Ok(Some(Member { header: 0, size: 0, array: None, last: true }));
        }
        Some(_) => return Err(()),
    }
    let Some(fixed) = bytes.first_chunk::<30>() else { return Ok(None) };
    let u16_at = |at| field(fixed, at).map(u16::from_le_bytes);
    let (flags, method) = (u16_at(6)?, u16_at(8)?);
    let (names, extras) = (usize::from(u16_at(26)?), usize::from(u16_at(28)?));
    let header = 30 + names + extras;
    let Some(variable) = bytes.get(30..header) else { return Ok(None) };
    let (name, extra) = variable.split_at_checked(names).ok_or(())?;
    let packed = u32::from_le_bytes(field(fixed, 18)?);
    let size = if packed == u32::MAX { long_size(extra)? } else { u64::from(packed) };
    // Encrypted, or its size stands behind it.
    if flags & 1 != 0 || (flags & 8 != 0 && size == 0) {
        return Err(());
    }
    let mut member = Member { header, size, array: None, last: false };
    if !name.ends_with(b".npy") {
        return Ok(Some(member));
    }
    let content = bytes.get(header..).unwrap_or_default();
    let content = content.get(..usize::try_from(size).unwrap_or(usize::MAX)).unwrap_or(content);
    if (content.len() as u64) < size.min(START) {
        return Ok(None);
    }
    let array = match method {
        STORED => npy::header(content)?,
        DEFLATED => npy::header(&inflated(content)?)?,
        _ => return Err(()),
    };
    // A header that is longer than what was looked at is none that NumPy writes.
    member.array = Some(array.ok_or(())?.1);
    Ok(Some(member))
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], ()> {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or(())
}

/// The packed size in the extra field of archives that may be large: behind the other size.
fn long_size(mut extra: &[u8]) -> Result<u64, ()> {
    loop {
        let (id, length) = (u16::from_le_bytes(field(extra, 0)?), u16::from_le_bytes(field(extra, 2)?));
        if id == 1 {
            return Ok(u64::from_le_bytes(field(extra, 12)?));
        }
        extra = extra.get(4 + usize::from(length)..).ok_or(())?;
    }
}

/// The start of what was packed.
fn inflated(bytes: &[u8]) -> Result<Vec<u8>, ()> {
    let mut out = Vec::with_capacity(usize::try_from(START).map_err(|_| ())?);
    let mut inflate = Decompress::new(false);
    inflate.decompress_vec(bytes, &mut out, FlushDecompress::None).map_err(|_| ())?;
    Ok(out)
}
