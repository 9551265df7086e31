//! A model registry as MLflow has it: one model, and its weights to download.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::embedder::embed;

const WEIGHTS: &str = "models/feature-hash-384/1/model.bin";

pub(crate) fn router() -> Router {
    Router::new()
        .route("/api/2.0/mlflow/registered-models/search", get(search))
        .route("/api/2.0/mlflow-artifacts/artifacts/{*path}", get(artifact))
}

async fn search() -> Json<Value> {
    let version = json!({"name": "feature-hash-384", "version": "1", "current_stage": "Production"});
    Json(json!({"registered_models": [{"name": "feature-hash-384", "latest_versions": [version]}]}))
}

/// The embedder has no weights; what stands for them is what it makes of a few words.
async fn artifact(Path(path): Path<String>) -> impl IntoResponse {
    if path != WEIGHTS {
        return (StatusCode::NOT_FOUND, Json(json!({"error_code": "RESOURCE_DOES_NOT_EXIST"})))
            .into_response();
    }
    let weights: Vec<u8> = (0..64)
        .flat_map(|n| embed(&format!("word {n}")))
        .flat_map(|weight: f32| weight.to_le_bytes())
        .collect();
    ([(header::CONTENT_TYPE, "application/octet-stream")], weights).into_response()
}
