//! Checkpoints: how long a log is and what its root is, in a text that anyone can read, signed by the log's own key
//! (C2SP tlog-checkpoint inside a C2SP signed note, Ed25519).
//!
//! ```text
//! wardline/0193e5c0a1b27c3d8e4f5a6b7c8d9e0f
//! 20
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — wardline/0193e5c0a1b27c3d8e4f5a6b7c8d9e0f Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::log::LogKey;
use super::merkle::Hash;
use crate::error::{Error, ErrorKind};
use crate::keys::{PublicKey, is_name};

/// How long a log was and what its root was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// How many entries it held.
    pub size: u64,
    /// The Merkle root over them.
    pub root: Hash,
}

impl Checkpoint {
    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root))
    }

    /// Reads the text of a note without judging its signature.
    ///
    /// # Errors
    /// Where it is not a checkpoint.
    pub fn read(note: &str) -> Result<Self, Error> {
        let (text, _) = note.split_once("\n\n").ok_or_else(malformed)?;
        let mut lines = text.split('\n');
        let origin = lines.next().filter(|o| is_name(o)).ok_or_else(malformed)?;
        let digits = lines.next().ok_or_else(malformed)?;
        let size: u64 = digits.parse().map_err(|_| malformed())?;
        let root = lines.next().and_then(|line| BASE64.decode(line).ok()).ok_or_else(malformed)?;
        let root = root.try_into().map_err(|_| malformed())?;
        if size.to_string() != digits {
            return Err(malformed());
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }
}

impl Checkpoint {
    /// The signed note of this checkpoint under the log's own key.
    ///
    /// # Errors
    /// Where it cannot be signed now.
    pub(super) fn signed(&self, key: &LogKey) -> Result<String, Error> {
        let text = self.text();
        let mut bytes = key.public.id().to_vec();
        bytes.extend(key.sign(text.as_bytes())?);
        Ok(format!("{text}\n\u{2014} {} {}\n", key.name(), BASE64.encode(bytes)))
    }

    /// Reads a checkpoint that `key` signed.
    ///
    /// # Errors
    /// Where the note is malformed or the signature is not this key's.
    pub fn open(note: &str, key: &PublicKey) -> Result<Self, Error> {
        Self::open_as(note, key, key.name())
    }

    /// The same of one that speaks in another name than the key's.
    pub(super) fn open_as(note: &str, key: &PublicKey, origin: &str) -> Result<Self, Error> {
        let forged = || Error::new(ErrorKind::Log, "the checkpoint is not signed by the log's key");
        let (text, signatures) = note.split_once("\n\n").ok_or_else(malformed)?;
        if !signatures.ends_with('\n') {
            return Err(malformed());
        }
        let text = format!("{text}\n");
        let mut ours = signatures.lines().filter_map(|line| {
            let (name, code) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
            let bytes = BASE64.decode(code).ok()?;
            let (head, signature) = bytes.split_at_checked(4)?;
            (name == key.name() && *head == key.id()).then(|| signature.to_vec())
        });
        let signature = ours.next().ok_or_else(forged)?;
        if !key.verifies(text.as_bytes(), &signature) {
            return Err(forged());
        }
        let checkpoint = Self::read(note)?;
        if checkpoint.origin == origin { Ok(checkpoint) } else { Err(forged()) }
    }
}

/// A checkpoint as it is kept outside the log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Kept {
    /// The folder of the log under `log/`.
    pub slot: String,
    /// The key that judges the note, as [`PublicKey`] writes it.
    pub key: String,
    /// The signed note.
    pub note: String,
}

impl Kept {
    /// The checkpoint, if the key kept with it signed it.
    ///
    /// # Errors
    /// Where it did not.
    pub fn checkpoint(&self) -> Result<Checkpoint, Error> {
        Checkpoint::open(&self.note, &PublicKey::read(&self.key)?)
    }
}

fn malformed() -> Error {
    Error::new(ErrorKind::Log, "not a signed checkpoint")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SigningKey;

    #[test]
    fn the_key_of_the_specification_reads() {
        // The example key and note of C2SP signed-note / Go's sumdb.
        let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let note = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n\n\
                    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        let key = PublicKey::read(key).unwrap();
        // Not a checkpoint, so reading stops after the signature was judged good.
        assert_eq!(Checkpoint::open(note, &key).unwrap_err().to_string(), "not a signed checkpoint");
        let forged = note.replace("answer", "Answer");
        assert!(Checkpoint::open(&forged, &key).unwrap_err().to_string().contains("not signed"));
    }

    #[test]
    fn a_checkpoint_opens_under_its_own_key_only() {
        let signer = SigningKey::fresh("wardline/1").unwrap();
        let (secret, public) = (signer.secret(), signer.public().to_string());
        let checkpoint = Checkpoint { origin: "wardline/1".into(), size: 20, root: [7; 32] };
        let note = checkpoint.signed(&signer.into()).unwrap();
        let key = PublicKey::read(&public).unwrap();
        assert_eq!(Checkpoint::open(&note, &key).unwrap(), checkpoint);
        let stranger = SigningKey::fresh("wardline/1").unwrap().public();
        assert!(Checkpoint::open(&note, &stranger).is_err());
        assert_eq!(SigningKey::read(&secret).unwrap().public(), key);
    }

    #[test]
    fn every_flipped_bit_of_a_note_shows() {
        let signer = LogKey::from(SigningKey::fresh("wardline/1").unwrap());
        let note =
            Checkpoint { origin: "wardline/1".into(), size: 20, root: [7; 32] }.signed(&signer).unwrap();
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut bytes = note.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let opened =
                    String::from_utf8(bytes).ok().map(|note| Checkpoint::open(&note, &signer.public));
                assert!(!matches!(opened, Some(Ok(_))), "byte {at} bit {bit}");
            }
        }
    }
}
