//! Where files are put for others: a folder, or a store of objects (`s3://BUCKET/PREFIX`).

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[cfg(feature = "objects")]
use wardline::guard::Objects;
#[cfg(any(feature = "notify", feature = "objects"))]
use wardline::keys::Secret;

use crate::Failure;
use crate::args::Access;

/// Where files go.
pub(super) enum Place {
    Folder(PathBuf),
    #[cfg(feature = "objects")]
    Objects(Box<Objects>),
}

impl Place {
    /// The place of an address; a folder asks nobody in.
    pub(super) fn of(to: &str, access: &Access) -> Result<Self, Failure> {
        if is_objects(to) {
            return objects(to, access);
        }
        if to.contains("://") || access.endpoint.is_some() {
            return Err(Failure::Usage("--to: expected a folder, or s3://BUCKET/PREFIX".to_owned()));
        }
        Ok(Self::Folder(to.into()))
    }

    /// Puts a file there, whole or not at all, in the place of one of the same name.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                let made = path.parent().map_or(Ok(()), fs::create_dir_all);
                made.and_then(|()| put(&path, bytes))
                    .map_err(|e| Failure::Usage(format!("{}: cannot be written: {e}", path.display())))
            }
            #[cfg(feature = "objects")]
            Self::Objects(objects) => Ok(objects.put(name, bytes.to_vec())?),
        }
    }
}

/// Whether an address is one of a store of objects.
pub(super) fn is_objects(to: &str) -> bool {
    to.starts_with("s3://")
}

#[cfg(feature = "objects")]
fn objects(to: &str, access: &Access) -> Result<Place, Failure> {
    let keys = secret(access.authorization.as_deref())?;
    Ok(Place::Objects(Box::new(Objects::at(to, access.endpoint.as_deref(), keys.as_ref())?)))
}

#[cfg(not(feature = "objects"))]
fn objects(_: &str, _: &Access) -> Result<Place, Failure> {
    let message = "this build puts nothing into stores of objects: it lacks the feature `objects`";
    Err(Failure::Usage(message.to_owned()))
}

/// The secret that `--authorization` says the place of.
#[cfg(any(feature = "notify", feature = "objects"))]
pub(super) fn secret(place: Option<&str>) -> Result<Option<Secret>, Failure> {
    let secret = place.map(|place| match place.split_once(':') {
        Some(("env", name)) => Ok(Secret::Env(name.to_owned())),
        Some(("file", path)) => Ok(Secret::File(path.into())),
        _ => Err(Failure::Usage("--authorization: expected env:NAME or file:PATH".to_owned())),
    });
    secret.transpose()
}

/// Writes a file durably, and whole or not at all.
pub(super) fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    // The name too, where folders can be opened.
    #[cfg(unix)]
    File::open(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))?
        .sync_all()?;
    Ok(())
}
