//! Coded responses are decoded, masked and sent identity-coded; what cannot be decoded does not pass.

use std::io::Write;

use axum::body::Body;
use http::Response;

use crate::support::{Server, get};

const CLEAR: &str = "{\"mail\":\"a.b@example.org\",\"vector\":[0.25,0.5]}";
const MASKED: &str = "{\"mail\":\"[EMAIL]\",\"vector\":[0.25,0.5]}";

fn coded(coding: &str, clear: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match coding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(&mut out, flate2::Compression::fast());
            encoder.write_all(clear).unwrap();
            encoder.finish().unwrap();
        }
        "deflate" => {
            let mut encoder = flate2::write::ZlibEncoder::new(&mut out, flate2::Compression::fast());
            encoder.write_all(clear).unwrap();
            encoder.finish().unwrap();
        }
        "br" => brotli::CompressorWriter::new(&mut out, 4096, 4, 20).write_all(clear).unwrap(),
        "zstd" => out = zstd::stream::encode_all(clear, 3).unwrap(),
        _ => out.extend_from_slice(clear),
    }
    out
}

async fn server(coding: &'static str, body: Vec<u8>) -> Server {
    Server::answering(move |_| {
        let body = body.clone();
        async move {
            Response::builder()
                .header("content-type", "application/json")
                .header("content-encoding", coding)
                .header("etag", "\"v1\"")
                .body(Body::from(body))
                .unwrap()
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coded_response_is_decoded_masked_and_sent_as_it_is() {
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let server = server(coding, coded(coding, CLEAR.as_bytes())).await;
        let reply = server.exchange(get("/masked/collections")).await;
        assert_eq!((reply.status, reply.text()), (200, MASKED), "{coding}");
        assert_eq!(reply.header("content-encoding"), None);
        assert_eq!(reply.header("etag"), None);
        assert_eq!(reply.header("content-length"), Some(&*MASKED.len().to_string()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coded_response_that_need_not_change_passes_coded() {
    for coding in ["gzip", "br", "x-own"] {
        let body = coded(coding, CLEAR.as_bytes());
        let server = server(coding, body.clone()).await;
        let reply = server.exchange(get("/plain/collections")).await;
        assert_eq!((reply.status, reply.body), (200, body), "{coding}");
        assert_eq!(reply.headers["content-encoding"], coding);
        assert_eq!(reply.headers["etag"], "\"v1\"");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_decoded_is_refused() {
    let unknown = server("x-own", CLEAR.into()).await.exchange(get("/masked/collections")).await;
    assert_eq!((unknown.status, &*unknown.code()), (502, "unmaskable_response"));
    let mut body = coded("gzip", CLEAR.repeat(200).as_bytes());
    body.truncate(body.len() / 2);
    let cut = server("gzip", body).await.exchange(get("/masked/collections")).await;
    assert_eq!((cut.status, &*cut.code()), (502, "malformed_response"));
    let corrupt = server("zstd", CLEAR.into()).await.exchange(get("/masked/collections")).await;
    assert_eq!((corrupt.status, &*corrupt.code()), (502, "malformed_response"));
}
