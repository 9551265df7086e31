//! Events posted over HTTP.

use std::time::Duration;

use ureq::Agent;

use super::super::agent::agent;
use super::{Undelivered, away};
use crate::error::Error;
use crate::keys::Secret;

/// How long a collector may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Http {
    agent: Agent,
    url: String,
    authorization: Option<String>,
}

impl Http {
    pub(super) fn at(url: &str, authorization: Option<&Secret>) -> Result<Self, Error> {
        let authorization = authorization.map(Secret::read).transpose()?;
        Ok(Self { agent: agent(PATIENCE), url: url.to_owned(), authorization })
    }

    pub(super) fn post(&self, media_type: &str, body: &[u8]) -> Result<(), Undelivered> {
        let mut request = self.agent.post(&self.url).content_type(media_type);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let answer = request.send(body).map_err(|_| away("does not answer".to_owned()))?;
        match answer.status().as_u16() {
            200..300 => Ok(()),
            // About what was sent, and not about who sends it, or when.
            400 | 413 | 422 => Err(Undelivered::Refused),
            status => Err(away(format!("answers with status {status}"))),
        }
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Its address may be what lets anybody post.
        f.write_str("Http(..)")
    }
}
