//! The vocabulary of operations: what policies, grants and records say a request does.
//!
//! Names are fixed: they are a public contract. Each has a base risk for one ordinary use and the unit its
//! magnitude is counted in; catalogue entries may depart from the base risk, magnitude raises it.
//!
//! ```
//! use wardline::model::Operation;
//! let export: Operation = "vector.export".parse().unwrap();
//! assert_eq!(export.base_risk().value(), 85);
//! ```

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Risk, Unit};
use crate::error::{Error, ErrorKind};

macro_rules! operations {
    ($($variant:ident: $name:literal, $risk:literal, $unit:expr, $meaning:literal;)*) => {
        /// One kind of thing a request can do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Operation { $(#[doc = $meaning] $variant,)* }

        impl Operation {
            /// Every operation, in the order of the published table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name that policies use, e.g. `vector.export`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Risk of one ordinary use.
            pub const fn base_risk(self) -> Risk {
                match self { $(Self::$variant => Risk::new($risk),)* }
            }

            /// What its magnitude counts, where it has one.
            pub const fn unit(self) -> Option<Unit> {
                match self { $(Self::$variant => $unit,)* }
            }

            /// What it means, in a line.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }

        impl FromStr for Operation {
            type Err = Error;
            fn from_str(name: &str) -> Result<Self, Error> {
                match name {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(Error::new(ErrorKind::Input, "expected an operation such as vector.search")),
                }
            }
        }
    };
}

operations! {
    HealthCheck: "health.check", 0, None, "asks whether the service is alive";
    TelemetryRead: "telemetry.read", 10, None, "reads metrics, versions, slow logs";
    AuthSession: "auth.session", 20, None, "logs in or out, asks who one is";
    VectorSearch: "vector.search", 20, Some(Unit::Vectors), "finds nearest neighbours; ids and scores come back";
    VectorFetch: "vector.fetch", 35, Some(Unit::Vectors), "reads raw vectors by id or in a bounded page";
    VectorExport: "vector.export", 85, Some(Unit::Vectors), "takes raw vectors out in bulk";
    VectorUpsert: "vector.upsert", 40, Some(Unit::Vectors), "writes vectors";
    VectorDelete: "vector.delete", 65, Some(Unit::Vectors), "deletes vectors";
    CollectionList: "collection.list", 10, Some(Unit::Collections), "lists or describes collections";
    CollectionCreate: "collection.create", 30, Some(Unit::Collections), "creates a collection";
    CollectionAlter: "collection.alter", 45, Some(Unit::Collections), "changes a collection, its index or aliases";
    CollectionDrop: "collection.drop", 90, Some(Unit::Collections), "deletes a collection with all it holds";
    CollectionSnapshot: "collection.snapshot", 70, Some(Unit::Vectors), "makes the file that can be exported";
    CollectionRestore: "collection.restore", 80, Some(Unit::Vectors), "overwrites a collection from a snapshot";
    ModelList: "model.list", 10, Some(Unit::Models), "lists or describes models";
    ModelDownload: "model.download", 75, Some(Unit::Bytes), "takes model weights or artefacts out";
    ModelUpload: "model.upload", 65, Some(Unit::Bytes), "brings model weights or artefacts in";
    ModelUpdate: "model.update", 35, Some(Unit::Models), "changes what is said about a model";
    ModelPromote: "model.promote", 65, Some(Unit::Models), "changes which model production serves";
    ModelLoad: "model.load", 55, Some(Unit::Models), "loads or unloads a model or adapter";
    ModelDelete: "model.delete", 80, Some(Unit::Models), "deletes a model or a version";
    ModelTrain: "model.train", 50, Some(Unit::Rows), "trains or tunes a model";
    InferenceEmbed: "inference.embed", 15, Some(Unit::Inputs), "turns inputs into vectors";
    InferenceComplete: "inference.complete", 15, Some(Unit::Tokens), "generates text";
    InferencePredict: "inference.predict", 15, Some(Unit::Inputs), "runs another kind of model";
    InferenceRerank: "inference.rerank", 10, Some(Unit::Documents), "orders documents for a query";
    InferenceTokenize: "inference.tokenize", 5, Some(Unit::Tokens), "turns text into tokens and back";
    DataList: "data.list", 15, Some(Unit::Keys), "enumerates keys, files or rows";
    DataRead: "data.read", 30, Some(Unit::Rows), "reads single rows, documents or files";
    DataQuery: "data.query", 30, Some(Unit::Rows), "queries rows, bounded";
    DataExport: "data.export", 80, Some(Unit::Rows), "takes rows, documents or files out in bulk";
    DataIngest: "data.ingest", 40, Some(Unit::Rows), "writes rows, documents or files";
    DataDelete: "data.delete", 65, Some(Unit::Rows), "deletes rows, documents or files";
    JobRun: "job.run", 55, Some(Unit::Jobs), "starts a job";
    JobRead: "job.read", 15, Some(Unit::Jobs), "reads the state of jobs";
    JobStop: "job.stop", 40, Some(Unit::Jobs), "stops or removes a job";
    CodeExecute: "code.execute", 90, Some(Unit::Calls), "runs code that the caller sends";
    AdminRead: "admin.read", 25, None, "reads settings";
    AdminConfig: "admin.config", 65, None, "changes settings";
    AdminAccess: "admin.access", 75, None, "changes who may do what";
    AdminKey: "admin.key", 85, Some(Unit::Keys), "creates, reads or revokes credentials";
    FileRead: "file.read", 30, Some(Unit::Files), "reads files of the host";
    FileWrite: "file.write", 40, Some(Unit::Files), "writes files of the host";
    FileDelete: "file.delete", 70, Some(Unit::Files), "deletes files of the host";
    NetworkFetch: "network.fetch", 30, Some(Unit::Bytes), "fetches from the network";
    NetworkSend: "network.send", 70, Some(Unit::Bytes), "sends to the network";
    SecretRead: "secret.read", 80, Some(Unit::Keys), "reads a secret";
    InfraChange: "infra.change", 60, None, "changes infrastructure";
    InfraDestroy: "infra.destroy", 95, None, "destroys infrastructure";
    SessionControl: "session.control", 0, None, "steers a session, touches no data";
    None: "none", 0, None, "does nothing";
    Unknown: "unknown", 100, None, "matches no catalogue entry: never taken for a read";
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_unique_and_reads_back() {
        for operation in Operation::ALL {
            assert_eq!(operation.name().parse::<Operation>().unwrap(), *operation);
        }
        assert_eq!(Operation::ALL.len(), 52);
    }
}
