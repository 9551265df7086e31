//! Files in a store of objects: S3, and what speaks its API.
//!
//! The protocol (names, signatures, where credentials come from) is that of `object_store`; it asks through the guard's own HTTP client, so that
//! nothing is called in clear beyond this machine, no proxy and no redirect is followed, and no second client comes along.
//!
//! ```no_run
//! use wardline::guard::Objects;
//! use wardline::keys::Secret;
//! # fn main() -> Result<(), wardline::Error> {
//! let keys = Secret::File("/run/secrets/s3".into()); // ACCESS_KEY_ID:SECRET_ACCESS_KEY
//! let logs = Objects::at("s3://logs/wardline", Some("https://minio.example.org:9000"), Some(&keys))?;
//! logs.put("day=2026-11-25/w0001.jsonl", b"{}\n".to_vec())?;
//! # Ok(()) }
//! ```

mod http;

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, ObjectStoreExt, RetryConfig};
use tokio::runtime::{Builder, Runtime};

use self::http::{Answered, Connector};
use crate::error::{Error, ErrorKind};
use crate::keys::Secret;
use crate::policy::may_call;

/// How often a request is made again at once. Whoever follows a log comes back later.
const AGAIN: usize = 2;

/// Where such files lie.
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    /// What comes before each name.
    prefix: Path,
    answered: Arc<Answered>,
    runtime: Runtime,
}

impl Objects {
    /// At `s3://BUCKET/PREFIX`. `endpoint` is who speaks that API, where it is not Amazon: `https://` (`http://` on this machine). `keys` are
    /// `ACCESS_KEY_ID:SECRET_ACCESS_KEY`; what is not said stands in the environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`), and without keys there the machine is asked for those of its role.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] for an address that is none, or keys that are none or cannot be read. Nobody is called yet.
    pub fn at(url: &str, endpoint: Option<&str>, keys: Option<&Secret>) -> Result<Self, Error> {
        let wrong =
            |what: &str| Error::new(ErrorKind::Input, format!("the address of the store of objects: {what}"));
        let place = url.strip_prefix("s3://").ok_or_else(|| wrong("expected s3://BUCKET/PREFIX"))?;
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        if bucket.is_empty() || bucket.contains(['@', '?', '#', ':']) {
            return Err(wrong("expected a bucket behind s3://"));
        }
        let prefix = Path::parse(prefix).map_err(|_| wrong("expected a path behind the bucket"))?;
        let answered = Arc::new(Answered::default());
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_allow_http(true) // What may be called is judged where it is called.
            .with_http_connector(Connector(answered.clone()))
            .with_retry(RetryConfig {
                backoff: BackoffConfig::default(),
                max_retries: AGAIN,
                retry_timeout: Duration::from_secs(60),
            });
        if let Some(endpoint) = endpoint {
            may_call(endpoint, false).map_err(wrong)?;
            builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
        }
        if let Some(keys) = keys {
            let keys = keys.read()?;
            let (id, secret) = keys.split_once(':').ok_or_else(|| {
                Error::new(
                    ErrorKind::Input,
                    "expected ACCESS_KEY_ID:SECRET_ACCESS_KEY where the keys are kept",
                )
            })?;
            builder = builder.with_access_key_id(id).with_secret_access_key(secret);
        }
        // What is wrong with it may be quoted.
        let store = builder.build().map_err(|_| {
            Error::new(
                ErrorKind::Input,
                "the store of objects: what the environment says of it (AWS_...) cannot be used",
            )
        })?;
        Self::of(Arc::new(store), prefix, answered)
    }

    fn of(store: Arc<dyn ObjectStore>, prefix: Path, answered: Arc<Answered>) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(|e| {
            Error::new(ErrorKind::Internal, "no room to ask a store of objects").with_source(e)
        })?;
        Ok(Self { store, prefix, answered, runtime })
    }

    /// Puts a file there, whole, in the place of one of the same name.
    ///
    /// # Errors
    /// [`ErrorKind::Log`] where the store does not take it now, with the status and the code of its answer; [`ErrorKind::Input`] for a name that is none.
    pub fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), Error> {
        let name = self.named(name)?;
        let put = self.store.put(&name, bytes.into());
        self.runtime.block_on(put).map(drop).map_err(|error| self.failed(&error))
    }

    /// A file, and whether it is there.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let name = self.named(name)?;
        let read = async { self.store.get(&name).await?.bytes().await };
        match self.runtime.block_on(read) {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn named(&self, name: &str) -> Result<Path, Error> {
        let wrong =
            |_| Error::new(ErrorKind::Input, "a file in a store of objects: expected a relative path");
        let name = Path::parse(name).map_err(wrong)?;
        Ok(Path::from_iter(self.prefix.parts().chain(name.parts())))
    }

    /// What is told. What the store says may quote the request, with what signs it.
    fn failed(&self, error: &object_store::Error) -> Error {
        let what = match (self.answered.told(), error) {
            (Some(told), _) => told,
            (None, object_store::Error::NotFound { .. }) => "has no such file".to_owned(),
            (None, _) => "does not answer".to_owned(),
        };
        Error::new(ErrorKind::Log, format!("the store of objects {what}"))
    }
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Objects(..)")
    }
}

#[cfg(test)]
mod tests;
