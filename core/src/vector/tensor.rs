//! Tensors as inference servers write them: a shape, a type, and the numbers of all vectors in one list.

/// The tensor that is being read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tensor {
    /// How many containers are open around its members.
    pub(super) depth: usize,
    name: Name,
    kind: Kind,
    rank: u32,
    first: u64,
    /// The product of all dimensions but the last.
    outer: u64,
    last: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    Float,
    Text,
    #[default]
    Other,
}

/// The member at hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Name {
    Shape,
    Datatype,
    #[default]
    Other,
}

impl Tensor {
    /// One whose members stand in so many containers.
    pub(super) fn at(depth: usize) -> Self {
        Self { depth, outer: 1, last: 1, ..Self::default() }
    }

    /// A member of this name begins, in so many containers.
    pub(super) fn member(&mut self, name: &[u8], depth: usize) {
        if depth == self.depth {
            self.name = match name {
                b"shape" => Name::Shape,
                b"datatype" => Name::Datatype,
                _ => Name::Other,
            };
        }
    }

    /// Whether numbers in so many containers are dimensions.
    pub(super) fn reads_shape(&self, depth: usize) -> bool {
        self.name == Name::Shape && depth == self.depth + 1
    }

    /// A text or number passes, in so many containers.
    pub(super) fn scalar(&mut self, text: &[u8], depth: usize) {
        if self.reads_shape(depth) {
            let dimension = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
            self.outer = if self.rank == 0 { 1 } else { self.outer.saturating_mul(self.last) };
            self.last = dimension;
            if self.rank == 0 {
                self.first = dimension;
            }
            self.rank = self.rank.saturating_add(1);
        } else if self.name == Name::Datatype && depth == self.depth {
            self.kind = match text {
                b"FP16" | b"FP32" | b"FP64" | b"BF16" => Kind::Float,
                b"BYTES" => Kind::Text,
                _ => Kind::Other,
            };
        }
    }

    /// How many vectors it holds: numbers of which one stands alone (scores) are none.
    pub(super) fn vectors(&self) -> u64 {
        if self.kind == Kind::Float && self.rank > 0 && self.last > 1 { self.outer } else { 0 }
    }

    /// How many rows they belong to: the first dimension, and their place is their id.
    pub(super) fn rows(&self) -> u64 {
        if self.rank > 1 && self.vectors() > 0 { self.first } else { 0 }
    }

    /// How many texts it holds.
    pub(super) fn texts(&self) -> u64 {
        if self.kind == Kind::Text { self.outer.saturating_mul(self.last) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(kind: &str, shape: &[&str]) -> (u64, u64, u64) {
        let mut tensor = Tensor::at(1);
        tensor.member(b"shape", 1);
        shape.iter().for_each(|dimension| tensor.scalar(dimension.as_bytes(), 2));
        tensor.member(b"datatype", 1);
        tensor.scalar(kind.as_bytes(), 1);
        (tensor.vectors(), tensor.rows(), tensor.texts())
    }

    #[test]
    fn the_last_dimension_is_a_vector_s() {
        assert_eq!(tensor("FP32", &["2", "768"]), (2, 2, 0));
        assert_eq!(tensor("FP32", &["2", "12", "768"]), (24, 2, 0));
        assert_eq!(tensor("FP32", &["768"]), (1, 0, 0));
        assert_eq!(tensor("FP32", &["5", "1"]), (0, 0, 0));
        assert_eq!(tensor("FP32", &[]), (0, 0, 0));
        assert_eq!(tensor("INT64", &["2", "128"]), (0, 0, 0));
        assert_eq!(tensor("BYTES", &["2", "3"]), (0, 0, 6));
        assert_eq!(tensor("FP32", &["99999999999", "99999999999", "9"]), (u64::MAX, 99_999_999_999, 0));
    }
}
