use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use object_store::memory::InMemory;

use super::*;

const SECRET: &str = "wJalrXUtnFEMI-planted-secret";

/// A store that answers everything so, and tells the heads and bodies of what it was asked.
fn server(answer: &'static str) -> (String, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if stream.read_line(&mut head).unwrap() == 0 {
                    break;
                }
            }
            let length = head
                .to_lowercase()
                .split("content-length: ")
                .nth(1)
                .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().unwrap());
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
            if tell.send((head, body)).is_err() {
                return;
            }
        }
    });
    (url, told)
}

fn secret(folder: &std::path::Path, text: &str) -> Secret {
    let path = folder.join("keys");
    std::fs::write(&path, text).unwrap();
    Secret::File(path)
}

#[test]
fn a_file_that_was_put_is_there_under_the_prefix() {
    let store = Arc::new(InMemory::new());
    let prefix = Path::parse("wardline/logs").unwrap();
    let objects = Objects::of(store.clone(), prefix, Arc::default()).unwrap();
    assert_eq!(objects.read("day=2026-11-25/a.jsonl").unwrap(), None);
    for body in [b"one".to_vec(), b"two".to_vec()] {
        objects.put("day=2026-11-25/a.jsonl", body.clone()).unwrap();
        assert_eq!(objects.read("day=2026-11-25/a.jsonl").unwrap(), Some(body));
    }
    let whole = Objects::of(store, Path::default(), Arc::default()).unwrap();
    assert_eq!(whole.read("wardline/logs/day=2026-11-25/a.jsonl").unwrap(), Some(b"two".to_vec()));
    assert_eq!(objects.put("../elsewhere", Vec::new()).unwrap_err().kind(), ErrorKind::Input);
}

#[test]
fn what_is_put_is_signed_and_its_keys_are_told_to_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let keys = secret(folder.path(), &format!("AKIDPLANTED:{SECRET}\n"));
    let (url, told) =
        server("HTTP/1.1 200 OK\r\netag: \"1\"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let objects = Objects::at("s3://logs/wardline/", Some(&url), Some(&keys)).unwrap();
    objects.put("day=2026-11-25/a.jsonl", b"{}\n".to_vec()).unwrap();
    let (head, body) = told.recv().unwrap();
    assert!(head.starts_with("PUT /logs/wardline/day%3D2026-11-25/a.jsonl HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("AWS4-HMAC-SHA256 Credential=AKIDPLANTED/") && !head.contains(SECRET), "{head}");
    assert_eq!(body, b"{}\n");
    assert!(!format!("{objects:?}").contains("PLANTED"));
}

#[test]
fn a_store_that_refuses_is_told_by_its_status_and_code_alone() {
    let folder = tempfile::tempdir().unwrap();
    let keys = secret(folder.path(), &format!("AKIDPLANTED:{SECRET}"));
    let (url, _told) = server(
        "HTTP/1.1 403 Forbidden\r\ncontent-length: 93\r\nconnection: close\r\n\r\n\
         <Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>AKIDPLANTED</AWSAccessKeyId></Error>",
    );
    let objects = Objects::at("s3://logs", Some(&url), Some(&keys)).unwrap();
    let error = objects.put("a", Vec::new()).unwrap_err();
    let told = format!("{error} {error:?}");
    assert!(told.contains("the store of objects answers with status 403 (SignatureDoesNotMatch)"), "{told}");
    assert!(!told.contains("PLANTED"), "{told}");
    assert_eq!(error.kind(), ErrorKind::Log);
    // Nobody is there.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let objects = Objects::at("s3://logs", Some(&format!("http://{gone}")), Some(&keys)).unwrap();
    let error = objects.put("a", Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "the store of objects does not answer");
}

#[test]
fn an_address_that_is_none_is_refused_and_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let keys = secret(folder.path(), SECRET);
    for (url, endpoint, keys) in [
        ("https://logs/wardline", None, None),
        ("s3:///wardline", None, None),
        ("s3://AKIDPLANTED:x@logs/wardline", None, None),
        ("s3://logs/a//b", None, None),
        ("s3://logs", Some("http://minio.example.org:9000"), None),
        ("s3://logs", Some("https://PLANTED:x@minio.example.org"), None),
        ("s3://logs", None, Some(&keys)),
    ] {
        let error = Objects::at(url, endpoint, keys).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{url}");
        assert!(!format!("{error} {error:?}").contains("PLANTED"), "{error}");
    }
}
