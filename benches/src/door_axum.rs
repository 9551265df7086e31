//! axum, bare and under the layer, for `benches/doors/run.py`: `door-axum POLICY FOLDER` prints two ports and serves until its input ends.

use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::get;
use bytes::Bytes;
use http::{Response, header};
use wardline::guard::Guard;
use wardline_tower::{BoxError, GuardLayer};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut arguments = std::env::args().skip(1);
    let (policy, folder) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    let layer = GuardLayer::new(Guard::from_file(&policy)?)
        .peer(|extensions| Some(extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip()));
    let bare = service(Path::new(&folder))?;
    let guarded = bare.clone().layer(layer);
    let mut ports = Vec::new();
    for app in [bare, guarded] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        ports.push(listener.local_addr()?.port().to_string());
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
    }
    println!("{}", ports.join(" "));
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

fn service(folder: &Path) -> Result<Router, BoxError> {
    let answers = [
        ("/masked/collections/docs/points/1", "found"),
        ("/masked/collections/docs/points/2", "none"),
        ("/plain/collections/docs/points/3", "large"),
    ];
    answers.into_iter().try_fold(Router::new(), |router, (path, name)| {
        let body = Bytes::from(std::fs::read(folder.join(name))?);
        let answer = move || {
            let body = body.clone();
            async move {
                Response::builder()
                    .header(header::CONTENT_TYPE, "application/json")
                    .header(header::CONTENT_LENGTH, body.len())
                    .body(Body::from(body))
                    .unwrap_or_default()
            }
        };
        Ok(router.route(path, get(answer)))
    })
}
