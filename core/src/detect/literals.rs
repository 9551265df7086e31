//! The anchors of several bytes, all found in one pass: three bytes select a bucket, and what is in it is compared.

/// Buckets of the table; a power of two, far more than literals.
const BUCKETS: usize = 4096;

/// Literals, each waking one or more readers. A literal is found wherever it stands, also inside another, so that
/// what is found at one place depends on that place alone.
#[derive(Debug)]
pub(super) struct Literals {
    /// Per bucket: 0, or one more than the index of its list.
    table: Box<[u16]>,
    lists: Vec<Vec<Literal>>,
}

#[derive(Debug)]
struct Literal {
    text: &'static str,
    /// The reader it wakes.
    which: usize,
}

impl Literals {
    /// `wanted` yields the literals of each reader in turn, of three bytes or more; ASCII case is not told apart,
    /// readers look closer.
    pub(super) fn compile(wanted: impl Iterator<Item = Vec<&'static str>>) -> Self {
        let mut literals = Self { table: vec![0; BUCKETS].into(), lists: Vec::new() };
        for (which, texts) in wanted.enumerate() {
            for text in texts {
                let Some(slot) =
                    text.as_bytes().first_chunk().and_then(|head| literals.table.get_mut(bucket(head)))
                else {
                    continue;
                };
                if *slot == 0 {
                    literals.lists.push(Vec::new());
                    *slot = u16::try_from(literals.lists.len()).unwrap_or(0);
                }
                if let Some(list) = literals.lists.get_mut(usize::from(*slot).wrapping_sub(1)) {
                    list.push(Literal { text, which });
                }
            }
        }
        literals
    }

    /// Calls `wake` with the offset of each literal and the reader it wakes.
    pub(super) fn each(&self, text: &[u8], mut wake: impl FnMut(usize, usize)) {
        if self.lists.is_empty() {
            return;
        }
        for (offset, window) in text.windows(3).enumerate() {
            let &[a, b, c] = window else { continue };
            let slot = self.table.get(bucket(&[a, b, c])).copied().unwrap_or(0);
            if slot == 0 {
                continue;
            }
            for literal in self.lists.get(usize::from(slot) - 1).into_iter().flatten() {
                let here = text.get(offset..offset + literal.text.len());
                if here.is_some_and(|here| here.eq_ignore_ascii_case(literal.text.as_bytes())) {
                    wake(offset, literal.which);
                }
            }
        }
    }
}

/// The bucket of three bytes, alike for upper and lower case.
#[inline]
fn bucket(&[a, b, c]: &[u8; 3]) -> usize {
    let key = u32::from_le_bytes([a | 0x20, b | 0x20, c | 0x20, 0]);
    (key.wrapping_mul(0x9E37_79B1) >> 20) as usize % BUCKETS
}
