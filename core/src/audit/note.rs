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
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::merkle::Hash;
use crate::error::{Error, ErrorKind};
use crate::keys::{self, hex};

/// The signature type byte of Ed25519 in signed notes.
const ED25519: u8 = 1;

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

/// A log's key: signs its checkpoints.
pub(super) struct Signer {
    name: String,
    key: SigningKey,
}

impl Signer {
    /// A new key for the log called `name`, from the operating system's randomness.
    pub(super) fn fresh(name: &str) -> Result<Self, Error> {
        Ok(Self { name: name.to_owned(), key: SigningKey::from_bytes(&keys::random()?) })
    }

    /// The key as its file holds it (the encoding of Go's `sumdb/note`).
    pub(super) fn secret(&self) -> String {
        let public = self.public();
        let (id, _) = public.id_and_bytes();
        let mut bytes = vec![ED25519];
        bytes.extend(self.key.to_bytes());
        format!("PRIVATE+KEY+{}+{}+{}\n", self.name, hex(&id), BASE64.encode(bytes))
    }

    /// Reads what [`secret`](Self::secret) wrote.
    pub(super) fn read(text: &str) -> Result<Self, Error> {
        let wrong = || Error::new(ErrorKind::Log, "the log's key file does not hold a key");
        let rest = text.strip_prefix("PRIVATE+KEY+").ok_or_else(wrong)?;
        let mut parts = rest.trim_end_matches('\n').splitn(3, '+');
        let name = parts.next().filter(|n| is_name(n)).ok_or_else(wrong)?;
        let bytes = parts.nth(1).and_then(|b| BASE64.decode(b).ok()).ok_or_else(wrong)?;
        let seed = match bytes.split_first() {
            Some((&ED25519, seed)) => seed.try_into().map_err(|_| wrong())?,
            _ => return Err(wrong()),
        };
        let signer = Self { name: name.to_owned(), key: SigningKey::from_bytes(&seed) };
        if signer.secret() == text { Ok(signer) } else { Err(wrong()) }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn public(&self) -> PublicKey {
        PublicKey { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// The signed note of a checkpoint.
    pub(super) fn sign(&self, checkpoint: &Checkpoint) -> String {
        let text = checkpoint.text();
        let (id, _) = self.public().id_and_bytes();
        let mut bytes = id.to_vec();
        bytes.extend(self.key.sign(text.as_bytes()).to_bytes());
        format!("{text}\n\u{2014} {} {}\n", self.name, BASE64.encode(bytes))
    }
}

/// The key that judges a log's checkpoints. Its text form is that of signed notes: `name+id+base64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    key: VerifyingKey,
}

impl PublicKey {
    /// Reads a key.
    ///
    /// # Errors
    /// Where the text is not one.
    pub fn read(text: &str) -> Result<Self, Error> {
        let wrong = || Error::new(ErrorKind::Log, "not a public key of a log");
        let mut parts = text.splitn(3, '+');
        let name = parts.next().filter(|n| is_name(n)).ok_or_else(wrong)?;
        let bytes = parts.nth(1).and_then(|b| BASE64.decode(b).ok()).ok_or_else(wrong)?;
        let bytes = match bytes.split_first() {
            Some((&ED25519, key)) => key.try_into().map_err(|_| wrong())?,
            _ => return Err(wrong()),
        };
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| wrong())?;
        let read = Self { name: name.to_owned(), key };
        if read.to_string() == text { Ok(read) } else { Err(wrong()) }
    }

    fn id_and_bytes(&self) -> ([u8; 4], Vec<u8>) {
        let mut bytes = vec![ED25519];
        bytes.extend(self.key.to_bytes());
        let digest: Hash =
            Sha256::new().chain_update(&self.name).chain_update(b"\n").chain_update(&bytes).finalize().into();
        let [a, b, c, d, ..] = digest;
        ([a, b, c, d], bytes)
    }

    /// Reads a checkpoint that this key signed.
    ///
    /// # Errors
    /// Where the note is malformed or the signature is not this key's.
    pub fn open(&self, note: &str) -> Result<Checkpoint, Error> {
        let forged = || Error::new(ErrorKind::Log, "the checkpoint is not signed by the log's key");
        let (text, signatures) = note.split_once("\n\n").ok_or_else(malformed)?;
        if !signatures.ends_with('\n') {
            return Err(malformed());
        }
        let text = format!("{text}\n");
        let (id, _) = self.id_and_bytes();
        let mut ours = signatures.lines().filter_map(|line| {
            let (name, code) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
            let bytes = BASE64.decode(code).ok()?;
            let (head, signature) = bytes.split_at_checked(4)?;
            (name == self.name && *head == id).then(|| Signature::from_slice(signature).ok())?
        });
        let signature = ours.next().ok_or_else(forged)?;
        self.key.verify_strict(text.as_bytes(), &signature).map_err(|_| forged())?;
        let checkpoint = Checkpoint::read(note)?;
        if checkpoint.origin == self.name { Ok(checkpoint) } else { Err(forged()) }
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (id, bytes) = self.id_and_bytes();
        write!(f, "{}+{}+{}", self.name, hex(&id), BASE64.encode(bytes))
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
        PublicKey::read(&self.key)?.open(&self.note)
    }
}

/// A name of a key in a signed note: no space, no plus.
fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

fn malformed() -> Error {
    Error::new(ErrorKind::Log, "not a signed checkpoint")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_specification_reads() {
        // The example key and note of C2SP signed-note / Go's sumdb.
        let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let note = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n\n\
                    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        let key = PublicKey::read(key).unwrap();
        // Not a checkpoint, so reading stops after the signature was judged good.
        assert_eq!(key.open(note).unwrap_err().to_string(), "not a signed checkpoint");
        let forged = note.replace("answer", "Answer");
        assert!(key.open(&forged).unwrap_err().to_string().contains("not signed"));
    }

    #[test]
    fn a_checkpoint_opens_under_its_own_key_only() {
        let signer = Signer::fresh("wardline/1").unwrap();
        let checkpoint = Checkpoint { origin: "wardline/1".into(), size: 20, root: [7; 32] };
        let note = signer.sign(&checkpoint);
        let key = PublicKey::read(&signer.public().to_string()).unwrap();
        assert_eq!(key.open(&note).unwrap(), checkpoint);
        assert!(Signer::fresh("wardline/1").unwrap().public().open(&note).is_err());
        assert_eq!(Signer::read(&signer.secret()).unwrap().public(), key);
    }

    #[test]
    fn every_flipped_bit_of_a_note_shows() {
        let signer = Signer::fresh("wardline/1").unwrap();
        let note = signer.sign(&Checkpoint { origin: "wardline/1".into(), size: 20, root: [7; 32] });
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut bytes = note.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let opened = String::from_utf8(bytes).ok().map(|note| signer.public().open(&note));
                assert!(!matches!(opened, Some(Ok(_))), "byte {at} bit {bit}");
            }
        }
    }
}
