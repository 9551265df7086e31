//! The Merkle tree over the entries of a log: hashing, growth, and the two proofs (RFC 6962, section 2.1; RFC 9162
//! gives the verification algorithms).
//!
//! A tree in memory is only its right edge: for each level of 256-wide tiles, the hashes of the tile that is not yet
//! full. That is all that growing and signing need, at most 8 KiB a level.
//!
//! ```
//! use wardline::audit::merkle::{leaf_hash, node_hash, Tree};
//! let mut tree = Tree::default();
//! for entry in [b"a", b"b"] {
//!     tree.push(leaf_hash(entry), &mut |_, _, _| {});
//! }
//! assert_eq!(tree.root(), node_hash(&leaf_hash(b"a"), &leaf_hash(b"b")));
//! ```

use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// Hashes in a full tile (C2SP tlog-tiles).
pub const TILE: usize = 256;

/// The hash of an entry (RFC 6962, section 2.1).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// The hash of two subtrees (RFC 6962, section 2.1).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 65];
    bytes.iter_mut().skip(1).zip(left.iter().chain(right)).for_each(|(to, from)| *to = *from);
    Sha256::digest(bytes).into()
}

/// The right edge of a growing tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    /// By level, the hashes of the tile under way: fewer than [`TILE`].
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// A tree whose right edge was written down before.
    ///
    /// # Errors
    /// Where the levels do not fit the size.
    pub fn from_edge(size: u64, levels: Vec<Vec<Hash>>) -> Result<Self, Error> {
        let fits = levels.iter().enumerate().all(|(level, row)| row.len() as u64 == width(size, level));
        if fits && width_above(size, levels.len()) == 0 {
            Ok(Self { size, levels })
        } else {
            Err(Error::new(ErrorKind::Log, "the edge of the tree does not fit its size"))
        }
    }

    /// How many entries it holds.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// By level, the hashes of the tile under way.
    pub fn edge(&self) -> &[Vec<Hash>] {
        &self.levels
    }

    /// Adds an entry by its hash; `full(level, number, hashes)` hears of each tile that this completes.
    pub fn push(&mut self, leaf: Hash, full: &mut impl FnMut(u8, u64, &[Hash])) {
        self.size += 1;
        let mut hash = leaf;
        for level in 0_u8..8 {
            if self.levels.len() <= usize::from(level) {
                self.levels.push(Vec::with_capacity(TILE));
            }
            let Some(row) = self.levels.get_mut(usize::from(level)) else { return };
            row.push(hash);
            if row.len() < TILE {
                return;
            }
            let tiles = self.size.checked_shr(8 * (u32::from(level) + 1)).unwrap_or(0);
            full(level, tiles.saturating_sub(1), row);
            hash = subtree(row);
            row.clear();
        }
    }

    /// The root over all entries; of none, the hash of nothing.
    pub fn root(&self) -> Hash {
        let mut root: Option<Hash> = None;
        for row in &self.levels {
            // Perfect subtrees from the right, the smallest first.
            let (mut rest, mut width) = (row.as_slice(), 1);
            while !rest.is_empty() {
                if rest.len() & width != 0
                    && let Some((left, right)) = rest.split_at_checked(rest.len() - width)
                {
                    let hash = subtree(right);
                    root = Some(root.map_or(hash, |below| node_hash(&hash, &below)));
                    rest = left;
                }
                width <<= 1;
            }
        }
        root.unwrap_or_else(|| Sha256::digest([]).into())
    }
}

/// How many hashes the unfinished tile of a level holds in a tree of `size` entries.
pub(super) fn width(size: u64, level: usize) -> u64 {
    width_above(size, level) % TILE as u64
}

fn width_above(size: u64, level: usize) -> u64 {
    u32::try_from(8 * level).ok().and_then(|bits| size.checked_shr(bits)).unwrap_or(0)
}

/// The root over a power of two of hashes.
pub(super) fn subtree(hashes: &[Hash]) -> Hash {
    let mut row: Vec<Hash> = hashes.to_vec();
    while row.len() > 1 {
        let half = row.len() / 2;
        for i in 0..half {
            if let (Some(left), Some(right)) = (row.get(2 * i), row.get(2 * i + 1)) {
                let hash = node_hash(left, right);
                if let Some(slot) = row.get_mut(i) {
                    *slot = hash;
                }
            }
        }
        row.truncate(half);
    }
    row.first().copied().unwrap_or_else(|| Sha256::digest([]).into())
}

/// Where proofs find the hashes of perfect subtrees.
pub trait Nodes {
    /// The root over entries `index * 2^height ..` of the next `2^height`.
    ///
    /// # Errors
    /// Where it is not there.
    fn node(&self, height: u32, index: u64) -> Result<Hash, Error>;
}

/// The path that proves that entry `index` is in the tree of `size` entries (RFC 6962, section 2.1.1).
///
/// # Errors
/// Where there is no such entry, or a hash cannot be found.
pub fn inclusion(nodes: &dyn Nodes, index: u64, size: u64) -> Result<Vec<Hash>, Error> {
    if index >= size {
        return Err(Error::new(ErrorKind::NotFound, "no entry of that index under the checkpoint"));
    }
    let (mut from, mut to, mut path) = (0, size, Vec::new());
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(range(nodes, middle, to)?);
            to = middle;
        } else {
            path.push(range(nodes, from, middle)?);
            from = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of `size` entries continues that of `old` (RFC 6962, section 2.1.2).
///
/// # Errors
/// Where `old` is larger, or a hash cannot be found.
pub fn consistency(nodes: &dyn Nodes, old: u64, size: u64) -> Result<Vec<Hash>, Error> {
    if old > size {
        return Err(Error::new(ErrorKind::Input, "a tree cannot continue a larger one"));
    }
    let (mut from, mut to, mut path) = (0, size, Vec::new());
    if old == 0 || old == size {
        return Ok(path);
    }
    while to > old {
        let middle = from + split(to - from);
        if old <= middle {
            path.push(range(nodes, middle, to)?);
            to = middle;
        } else {
            path.push(range(nodes, from, middle)?);
            from = middle;
        }
    }
    if from > 0 {
        path.push(range(nodes, from, to)?);
    }
    path.reverse();
    Ok(path)
}

/// The root over entries `from..to`, which must be a node of some tree.
fn range(nodes: &dyn Nodes, from: u64, to: u64) -> Result<Hash, Error> {
    let mut root: Option<Hash> = None;
    let (mut end, length) = (to, to - from);
    for height in 0..64 {
        if length & (1 << height) != 0 {
            end -= 1 << height;
            let hash = nodes.node(height, end >> height)?;
            root = Some(root.map_or(hash, |below| node_hash(&hash, &below)));
        }
    }
    root.ok_or_else(|| Error::new(ErrorKind::Internal, "a range of no entries"))
}

/// The largest power of two below `n`, for `n` > 1.
fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

/// Whether `path` proves that `leaf` is entry `index` of the tree of `size` entries under `root`
/// (RFC 9162, section 2.1.3.2).
pub fn verify_inclusion(index: u64, size: u64, leaf: &Hash, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, *leaf);
    for step in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(step, &hash);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, step);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// Whether `path` proves that the tree of `size` entries under `root` continues that of `old` entries under
/// `old_root` (RFC 9162, section 2.1.4.2).
pub fn verify_consistency(old: u64, old_root: &Hash, size: u64, root: &Hash, path: &[Hash]) -> bool {
    if old == size {
        return path.is_empty() && old_root == root;
    }
    if old == 0 || old > size {
        // Anything continues nothing: only the root of nothing can be checked.
        return old == 0 && path.is_empty() && *old_root == Tree::default().root();
    }
    let (mut at, mut last) = (old - 1, size - 1);
    while at & 1 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    let mut steps = path.iter();
    let first = if old.is_power_of_two() { Some(old_root) } else { steps.next() };
    let Some(first) = first else { return false };
    let (mut before, mut after) = (*first, *first);
    for step in steps {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            before = node_hash(step, &before);
            after = node_hash(step, &after);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            after = node_hash(&after, step);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && before == *old_root && after == *root
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The entries and roots that Certificate Transparency implementations share as test vectors.
    const ENTRIES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(text.get(i..i + 2).unwrap(), 16).unwrap())
            .collect()
    }

    fn hash(text: &str) -> Hash {
        unhex(text).try_into().unwrap()
    }

    /// The definition of RFC 6962, word for word: the oracle.
    fn oracle(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
                node_hash(&oracle(left), &oracle(right))
            }
        }
    }

    struct Leaves(Vec<Hash>);

    impl Nodes for Leaves {
        fn node(&self, height: u32, index: u64) -> Result<Hash, Error> {
            let from = (index << height) as usize;
            Ok(oracle(&self.0[from..from + (1 << height)]))
        }
    }

    fn leaves(n: usize) -> Leaves {
        Leaves((0..n).map(|i| leaf_hash(&i.to_le_bytes())).collect())
    }

    #[test]
    fn roots_match_the_published_vectors() {
        let mut tree = Tree::default();
        assert_eq!(tree.root(), hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
        for (entry, root) in ENTRIES.iter().zip(ROOTS) {
            tree.push(leaf_hash(&unhex(entry)), &mut |_, _, _| {});
            assert_eq!(tree.root(), hash(root));
        }
    }

    #[test]
    fn proofs_match_the_published_vectors() {
        let nodes = Leaves(ENTRIES.iter().map(|e| leaf_hash(&unhex(e))).collect());
        let path = [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ];
        assert_eq!(inclusion(&nodes, 0, 8).unwrap(), path.map(hash));
        let path = [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        assert_eq!(consistency(&nodes, 6, 8).unwrap(), path.map(hash));
    }

    #[test]
    fn every_proof_holds_and_no_other() {
        let nodes = leaves(40);
        let root = |n: u64| oracle(&nodes.0[..n as usize]);
        for size in 1..=40 {
            for index in 0..size {
                let path = inclusion(&nodes, index, size).unwrap();
                let leaf = nodes.0[index as usize];
                assert!(verify_inclusion(index, size, &leaf, &path, &root(size)));
                assert!(!verify_inclusion(index, size, &leaf, &path, &root(size - 1)));
                assert!(!verify_inclusion((index + 1) % size, size, &leaf, &path, &root(size)) || size == 1);
                assert!(!verify_inclusion(index, size, &leaf_hash(b"x"), &path, &root(size)));
                if !path.is_empty() {
                    assert!(!verify_inclusion(index, size, &leaf, &path[1..], &root(size)));
                }
            }
            for old in 0..=size {
                let path = consistency(&nodes, old, size).unwrap();
                assert!(verify_consistency(old, &root(old), size, &root(size), &path), "{old} {size}");
                assert!(!verify_consistency(old, &leaf_hash(b"x"), size, &root(size), &path));
                if old > 0 {
                    assert!(!verify_consistency(old, &root(old), size, &leaf_hash(b"x"), &path));
                }
                if !path.is_empty() {
                    assert!(!verify_consistency(old, &root(old), size, &root(size), &path[1..]));
                }
            }
        }
    }

    #[test]
    fn a_tree_over_several_tiles_agrees_with_the_definition() {
        let nodes = leaves(70_000);
        let mut tree = Tree::default();
        let mut tiles = Vec::new();
        for (i, leaf) in nodes.0.iter().enumerate() {
            tree.push(*leaf, &mut |level, number, row| tiles.push((level, number, row.len())));
            if [255, 256, 257, 65_535, 65_536, 69_999].contains(&(i + 1)) {
                assert_eq!(tree.root(), oracle(&nodes.0[..=i]));
                assert_eq!(Tree::from_edge(tree.size(), tree.edge().to_vec()).unwrap(), tree);
            }
        }
        assert_eq!(tiles.iter().filter(|t| t.0 == 0).count(), 273);
        assert_eq!(tiles.iter().filter(|t| t.0 == 1).collect::<Vec<_>>(), [&(1, 0, TILE)]);
        assert!(Tree::from_edge(5, Vec::new()).is_err());
    }
}
