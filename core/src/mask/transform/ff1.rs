//! FF1 of NIST SP 800-38G (March 2016, with the lower bound of Revision 1) over decimal digits: a keyed permutation of all
//! numbers of one length.
//!
//! It has the ten Feistel rounds of the standard over AES. Halves are kept as whole numbers, so a text has at most
//! [`MOST_DIGITS`] digits; and at least [`LEAST_DIGITS`], since a smaller domain can be tried out whole.

use aes::cipher::{Block, BlockCipherEncrypt, BlockSizeUser, consts::U16};

/// A domain of a million, which Revision 1 of the standard asks for.
pub(super) const LEAST_DIGITS: usize = 6;
/// Halves of 18 digits: what 64 bits hold.
pub(super) const MOST_DIGITS: usize = 36;

const ROUNDS: u8 = 10;

/// FF1 with radix 10 under one key.
#[derive(Clone)]
pub(super) struct Ff1<C>(C);

impl<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>> Ff1<C> {
    pub(super) fn new(cipher: C) -> Self {
        Self(cipher)
    }

    /// Encrypts digits (0 to 9 each) in place; `None` where there are too few or too many, or the tweak is too long.
    pub(super) fn encrypt(&self, tweak: &[u8], digits: &mut [u8]) -> Option<()> {
        let (mut a, mut b) = halves(digits)?;
        for round in 0..ROUNDS {
            let y = self.round(tweak, digits.len(), round, &b)?;
            let modulus = power(a.length)?;
            let c = Half { number: (a.number + y % modulus) % modulus, ..a };
            (a, b) = (b, c);
        }
        write(digits, a, b)
    }

    /// Takes that back.
    pub(super) fn decrypt(&self, tweak: &[u8], digits: &mut [u8]) -> Option<()> {
        let (mut a, mut b) = halves(digits)?;
        for round in (0..ROUNDS).rev() {
            let y = self.round(tweak, digits.len(), round, &a)?;
            let modulus = power(b.length)?;
            let c = Half { number: (b.number + modulus - y % modulus) % modulus, ..b };
            (a, b) = (c, a);
        }
        write(digits, a, b)
    }

    /// One round of the standard's algorithm up to `y`, here modulo ten to the longer half, which both moduli divide.
    fn round(&self, tweak: &[u8], length: usize, round: u8, half: &Half) -> Option<u128> {
        let (n, t) = (u8::try_from(length).ok()?, u32::try_from(tweak.len()).ok()?);
        let (u, v) = (length / 2, length - length / 2);
        let b = byte_length(v);
        let d = 4 * b.div_ceil(4) + 4;

        let mut p = vec![1, 2, 1, 0, 0, 10, ROUNDS, u8::try_from(u).ok()?, 0, 0, 0, n];
        p.extend_from_slice(&t.to_be_bytes());
        let mut q = tweak.to_vec();
        q.resize(q.len() + (16 - (tweak.len() + b + 1) % 16) % 16, 0);
        q.push(round);
        let number = half.number.to_be_bytes();
        q.extend_from_slice(number.get(16 - b..)?);

        let mut r = Block::<C>::default();
        for block in p.chunks(16).chain(q.chunks(16)) {
            r.iter_mut().zip(block).for_each(|(to, from)| *to ^= from);
            self.0.encrypt_block(&mut r);
        }
        let mut s = r.to_vec();
        for j in 1..d.div_ceil(16) {
            let mut block = r;
            let count = u128::try_from(j).ok()?.to_be_bytes();
            block.iter_mut().zip(count).for_each(|(to, from)| *to ^= from);
            self.0.encrypt_block(&mut block);
            s.extend_from_slice(&block);
        }
        let modulus = power(v)?;
        let y = s.iter().take(d).fold(0, |rest: u128, byte| ((rest << 8) | u128::from(*byte)) % modulus);
        Some(y)
    }
}

/// One half of the digits.
#[derive(Clone, Copy)]
struct Half {
    number: u128,
    length: usize,
}

fn halves(digits: &[u8]) -> Option<(Half, Half)> {
    if !(LEAST_DIGITS..=MOST_DIGITS).contains(&digits.len()) || digits.iter().any(|digit| *digit > 9) {
        return None;
    }
    let (a, b) = digits.split_at_checked(digits.len() / 2)?;
    let half = |digits: &[u8]| Half {
        number: digits.iter().fold(0, |number, digit| number * 10 + u128::from(*digit)),
        length: digits.len(),
    };
    Some((half(a), half(b)))
}

fn write(digits: &mut [u8], a: Half, b: Half) -> Option<()> {
    let (first, second) = digits.split_at_mut_checked(a.length)?;
    for (digits, Half { mut number, .. }) in [(first, a), (second, b)] {
        for digit in digits.iter_mut().rev() {
            *digit = u8::try_from(number % 10).ok()?;
            number /= 10;
        }
    }
    Some(())
}

fn power(length: usize) -> Option<u128> {
    10_u128.checked_pow(u32::try_from(length).ok()?)
}

/// How many bytes hold every number of so many digits.
fn byte_length(digits: usize) -> usize {
    // ceil(digits * log2(10)), exact here: 10^18 < 2^60.
    let most = power(digits).unwrap_or(u128::MAX).saturating_sub(1);
    usize::try_from(128 - most.leading_zeros()).unwrap_or(128).div_ceil(8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aes::cipher::KeyInit;
    use aes::{Aes128, Aes192, Aes256};
    use proptest::prelude::*;

    const KEY: [u8; 32] = [
        0x2B, 0x7E, 0x15, 0x16, 0x28, 0xAE, 0xD2, 0xA6, 0xAB, 0xF7, 0x15, 0x88, 0x09, 0xCF, 0x4F, 0x3C, 0xEF,
        0x43, 0x59, 0xD8, 0xD5, 0x80, 0xAA, 0x4F, 0x7F, 0x03, 0x6D, 0x6F, 0x04, 0xFC, 0x6A, 0x94,
    ];

    fn holds<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>>(cipher: C, tweak: &str, expected: &str) {
        let ff1 = Ff1::new(cipher);
        let clear: Vec<u8> = (0..10).collect();
        let mut digits = clear.clone();
        ff1.encrypt(tweak.as_bytes(), &mut digits).unwrap();
        let text: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        assert_eq!(text, expected);
        ff1.decrypt(tweak.as_bytes(), &mut digits).unwrap();
        assert_eq!(digits, clear);
    }

    /// The FF1 samples of NIST's examples with intermediate values whose radix is 10: numbers 1, 2, 4, 5, 7 and 8.
    #[test]
    fn the_published_samples_hold() {
        let tweak = "9876543210";
        let (k128, k192) = (Aes128::new_from_slice(&KEY[..16]), Aes192::new_from_slice(&KEY[..24]));
        let (k128, k192, k256) = (k128.unwrap(), k192.unwrap(), Aes256::new_from_slice(&KEY).unwrap());
        holds(k128.clone(), "", "2433477484");
        holds(k128, tweak, "6124200773");
        holds(k192.clone(), "", "2830668132");
        holds(k192, tweak, "2496655549");
        holds(k256.clone(), "", "6657667009");
        holds(k256, tweak, "1001623463");
    }

    #[test]
    fn small_and_large_domains_are_refused() {
        let ff1 = Ff1::new(Aes256::new_from_slice(&KEY).unwrap());
        for (length, fits) in [(0, false), (5, false), (6, true), (36, true), (37, false)] {
            assert_eq!(ff1.encrypt(b"t", &mut vec![9; length]).is_some(), fits, "{length}");
        }
    }

    proptest! {
        #[test]
        fn decrypts_to_the_original(clear in prop::collection::vec(0_u8..10, 6..=36), tweak in "[a-z]{0,40}") {
            let ff1 = Ff1::new(Aes256::new_from_slice(&KEY).unwrap());
            let mut digits = clear.clone();
            ff1.encrypt(tweak.as_bytes(), &mut digits).unwrap();
            prop_assert!(digits.iter().all(|digit| *digit < 10));
            ff1.decrypt(tweak.as_bytes(), &mut digits).unwrap();
            prop_assert_eq!(digits, clear);
        }
    }
}
