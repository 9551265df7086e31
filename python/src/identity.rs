//! `wardline.Identity`.

use std::collections::BTreeMap;
use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use wardline::identity::{Claim, Hop, Identity as Verified};

use crate::border;

/// A caller that the authenticating layer verified.
#[pyclass(frozen, eq, module = "wardline")]
#[derive(PartialEq, Eq)]
pub(crate) struct Identity {
    inner: Arc<Verified>,
}

impl Identity {
    pub(crate) const fn of(inner: Arc<Verified>) -> Self {
        Self { inner }
    }
}

/// What a claim says: a text, or a list of them.
#[derive(FromPyObject, IntoPyObject)]
enum Said {
    One(String),
    Several(Vec<String>),
}

impl From<Said> for Claim {
    fn from(said: Said) -> Self {
        match said {
            Said::One(value) => value.into(),
            Said::Several(values) => values.into_iter().collect(),
        }
    }
}

impl From<&Claim> for Said {
    fn from(claim: &Claim) -> Self {
        claim.only().map_or_else(|| Self::Several(claim.values().to_vec()), |one| Self::One(one.to_owned()))
    }
}

#[pymethods]
impl Identity {
    #[new]
    #[pyo3(signature = (subject, groups=Vec::new(), *, issuer=None, claims=BTreeMap::new(), hops=Vec::new()))]
    fn new(
        py: Python<'_>,
        subject: String,
        groups: Vec<String>,
        issuer: Option<String>,
        claims: BTreeMap<String, Said>,
        hops: Vec<(String, String)>,
    ) -> PyResult<Self> {
        let hops = hops
            .into_iter()
            .map(|(workload, proof)| {
                let verified_by = serde_json::from_value(proof.into()).map_err(|_| {
                    let wanted = "a hop is verified_by mtls, jwt, txn_token, seal or claimed";
                    border::exception(py, &wardline::Error::new(wardline::ErrorKind::Input, wanted))
                })?;
                Ok(Hop { workload, verified_by })
            })
            .collect::<PyResult<_>>()?;
        let claims = claims.into_iter().map(|(name, said)| (name, said.into())).collect();
        Ok(Self::of(Arc::new(Verified { groups, issuer, claims, hops, ..Verified::new(subject) })))
    }

    #[getter]
    fn subject(&self) -> &str {
        &self.inner.subject
    }

    #[getter]
    fn groups(&self) -> Vec<String> {
        self.inner.groups.clone()
    }

    #[getter]
    fn issuer(&self) -> Option<&str> {
        self.inner.issuer.as_deref()
    }

    #[getter]
    fn claims(&self) -> BTreeMap<&str, Said> {
        self.inner.claims.iter().map(|(name, claim)| (name.as_str(), claim.into())).collect()
    }

    /// The workloads that the request came through as `(workload, verified_by)`, nearest last.
    #[getter]
    fn hops<'py>(&self, py: Python<'py>) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
        let hop = |hop: &Hop| Ok((hop.workload.clone(), border::to_python(py, &hop.verified_by)?));
        self.inner.hops.iter().map(hop).collect()
    }

    fn __repr__(&self) -> String {
        // Claims may hold personal data: a representation ends up in logs.
        format!("Identity({:?}, groups={:?})", self.inner.subject, self.inner.groups)
    }
}

/// An identity, or the name of one.
pub(crate) fn read(identity: &Bound<'_, PyAny>) -> PyResult<Verified> {
    if let Ok(identity) = identity.cast::<Identity>() {
        return Ok(Verified::clone(&identity.get().inner));
    }
    let subject: String = identity
        .extract()
        .map_err(|_| PyTypeError::new_err("expected a wardline.Identity, a str or None"))?;
    Ok(Verified::new(subject))
}
