//! An embeddings server (OpenAI's API), a vector store (Qdrant's) and a model registry (MLflow's) in one axum
//! process, and one layer that guards all three. See README.md beside it.

mod embedder;
mod embeddings;
mod models;
mod vectors;

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::ConnectInfo;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use wardline::guard::Guard;
use wardline_tower::GuardLayer;

/// `axum-embeddings [PORT]`; the policy is that of `WARDLINE_POLICY`.
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = match std::env::args().nth(1).or_else(|| std::env::var("PORT").ok()) {
        Some(port) => port.parse()?,
        None => 8080,
    };
    let policy = std::env::var_os("WARDLINE_POLICY");
    let guard = Guard::from_file(policy.unwrap_or_else(|| "examples/axum-embeddings/wardline.yaml".into()))?;
    guard.check()?;

    let peer = GuardLayer::new(guard.clone())
        .peer(|extensions| Some(extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip()));
    let app = Router::new()
        .merge(embeddings::router())
        .nest("/mlflow", models::router())
        .nest("/qdrant", vectors::router(vectors::Store::with_notes("notes", 1_200)))
        .layer(peer);

    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    announce(listener.local_addr()?);
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
        .await?;
    // Every record is on disk and signed before the process ends.
    guard.flush()?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "whoever started the server waits for this line")]
fn announce(address: SocketAddr) {
    println!("listening on http://{address}");
}
