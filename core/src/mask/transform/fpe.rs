//! Format-preserving encryption of numbers: other digits, the same separators, and a way back for who holds the key.

use std::fmt;

use aes::Aes256;
use aes::cipher::KeyInit;

use super::digits;
use super::ff1::Ff1;

/// FF1 (NIST SP 800-38G) with AES-256 over the digits of a value. The tweak is the entity's name, so that a number has
/// another stand-in as a card than as a phone.
pub(super) struct Fpe(Ff1<Aes256>);

impl Fpe {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(Ff1::new(Aes256::new(key.into())))
    }

    /// Appends the value with its digits encrypted; `None`, and nothing appended, where it is not a number of 6 to 36 digits.
    pub(super) fn write(&self, entity: &str, value: &str, out: &mut Vec<u8>) -> Option<()> {
        let mut number = digits::read(value)?;
        self.0.encrypt(entity.as_bytes(), &mut number)?;
        digits::write(value, &number, out);
        Some(())
    }

    /// The value that was written so.
    pub(super) fn read(&self, entity: &str, value: &str) -> Option<String> {
        let mut number = digits::read(value)?;
        self.0.decrypt(entity.as_bytes(), &mut number)?;
        let mut out = Vec::new();
        digits::write(value, &number, &mut out);
        String::from_utf8(out).ok()
    }
}

impl fmt::Debug for Fpe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fpe(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_values_and_words_are_left_to_others() {
        let fpe = Fpe::new(&[7; 32]);
        for value in ["12345", "ada@example.org", "GB82WEST12345698765432", "", "１２３４５６７８"] {
            let mut out = Vec::new();
            assert!(fpe.write("field", value, &mut out).is_none() && out.is_empty(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_number_keeps_its_form_and_comes_back(value in "[0-9]{2,6}[- ]?[0-9]{2}[ .]?[0-9]{2,10}") {
            let fpe = Fpe::new(&[7; 32]);
            let mut out = Vec::new();
            fpe.write("phone", &value, &mut out).unwrap();
            let hidden = String::from_utf8(out).unwrap();
            let form = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "0");
            prop_assert_eq!(form(&hidden), form(&value));
            prop_assert_eq!(fpe.read("phone", &hidden).unwrap(), value);
        }
    }
}
