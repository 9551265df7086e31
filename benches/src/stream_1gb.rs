//! Passes 1 GB of NDJSON with findings through the Tower layer and reports how much memory that took.
//!
//! `cargo run --release --package wardline-benches --bin stream-1gb`

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt};
use wardline::identity::Identity;
use wardline_benches::guard;
use wardline_tower::GuardLayer;

const TOTAL: usize = 1 << 30;

/// Lines with one vector and one address each, until there were enough.
struct Lines {
    line: Bytes,
    left: usize,
}

impl Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left = self.left.saturating_sub(self.line.len());
        Poll::Ready(Some(Ok(Frame::data(self.line.clone()))))
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let line = wardline_benches::answer(768) + "\n";
    let service = tower::service_fn(move |_: http::Request<wardline_tower::RequestBody<Full<Bytes>>>| {
        let body = Lines { line: Bytes::from(line.clone()), left: TOTAL };
        async move {
            let mut response = http::Response::new(body);
            let kind = http::HeaderValue::from_static("application/x-ndjson");
            response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
            Ok::<_, Infallible>(response)
        }
    });
    let layered = GuardLayer::new(guard(0)).layer(service);
    let mut request = http::Request::new(Full::new(Bytes::new()));
    *request.uri_mut() = http::Uri::from_static("/collections/docs/points/7");
    request.extensions_mut().insert(Identity::new("ana"));
    runtime.block_on(async {
        let response = layered.oneshot(request).await.expect("infallible");
        let mut body = response.into_body();
        let idle = resident();
        let (mut bytes, mut most, mut frames) = (0_usize, 0, 0_usize);
        let started = std::time::Instant::now();
        while let Some(frame) = body.frame().await {
            bytes += frame.expect("a frame").data_ref().map_or(0, Bytes::len);
            frames += 1;
            if frames.is_multiple_of(256) {
                most = most.max(resident());
            }
        }
        println!(
            "{bytes} bytes passed in {:.1} s ({:.0} MB/s); resident {} kB above idle ({idle} kB)",
            started.elapsed().as_secs_f64(),
            bytes as f64 / started.elapsed().as_secs_f64() / 1e6,
            most.saturating_sub(idle),
        );
    });
}

/// Resident memory of this process in kB, as Linux tells it.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}
