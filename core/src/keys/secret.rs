//! A secret that stands elsewhere: named where people read, read where it is needed.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use crate::error::{Error, ErrorKind};

/// Where a secret is. The secret itself is never kept here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// In an environment variable of this process.
    Env(String),
    /// In a file, such as those that orchestrators mount.
    File(PathBuf),
}

impl Secret {
    /// The most that is read of a file, in bytes.
    const MOST: u64 = 64 << 10;

    /// What stands there, without white space around it.
    ///
    /// # Errors
    /// [`ErrorKind::Input`], naming the place and not the secret: nothing is there, or it is no text.
    pub fn read(&self) -> Result<String, Error> {
        let wrong = |what: String| Error::new(ErrorKind::Input, what);
        let text = match self {
            Self::Env(name) => std::env::var(name)
                .map_err(|_| wrong(format!("the environment variable {name} holds no secret")))?,
            Self::File(path) => {
                let mut text = String::new();
                File::open(path).and_then(|file| file.take(Self::MOST).read_to_string(&mut text)).map_err(
                    |e| wrong(format!("cannot read the secret in {}", path.display())).with_source(e),
                )?;
                text
            }
        };
        match text.trim() {
            "" => Err(wrong(match self {
                Self::Env(name) => format!("the environment variable {name} holds no secret"),
                Self::File(path) => format!("the file {} holds no secret", path.display()),
            })),
            text => Ok(text.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_stands_there_and_errors_show_the_place_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let secret = Secret::File(path.clone());
        assert!(secret.read().unwrap_err().to_string().contains("secret"));
        std::fs::write(&path, " \n").unwrap();
        assert!(secret.read().is_err());
        std::fs::write(&path, "s3cr3t\n").unwrap();
        assert_eq!(secret.read().unwrap(), "s3cr3t");
        assert!(!format!("{secret:?}").contains("s3cr3t"));
        let missing = Secret::Env("WARDLINE_TEST_NOT_SET".into()).read().unwrap_err();
        assert!(missing.to_string().contains("WARDLINE_TEST_NOT_SET"));
    }
}
