use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::*;
use crate::audit::{Kind, Record};
use crate::clock::Timestamp;

fn records(count: i64) -> Vec<Record> {
    (0..count)
        .map(|n| Record::new(Kind::Exchange, format!("rec_{n}").as_str().into(), Timestamp::from_millis(n)))
        .collect()
}

fn events(records: &[Record]) -> Vec<Event<'_>> {
    (0_u64..)
        .zip(records)
        .map(|(index, record)| Event { log: "wardline/w0001/a1b2c3d4", index, record })
        .collect()
}

/// A server that answers each request by what `answer` says of its body, and tells the heads and bodies.
fn server(answer: impl Fn(&str) -> u16 + Send + 'static) -> (String, Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/logs", listener.local_addr().unwrap());
    let (tell, told) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            while let Some((head, body)) = request(&mut stream) {
                let status = answer(&body);
                write!(stream.get_mut(), "HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n").unwrap();
                if tell.send((head, body)).is_err() {
                    return;
                }
            }
        }
    });
    (url, told)
}

fn request(stream: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let head = head.to_lowercase();
    let length = head.split("content-length: ").nth(1)?.split("\r\n").next()?.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((head, String::from_utf8(body).ok()?))
}

#[test]
fn events_are_posted_and_one_that_is_refused_holds_up_no_other() {
    let (url, told) = server(|body| if body.contains("rec_3") { 413 } else { 200 });
    let mut collector = Collector::at(&url, None, Format::Ocsf).unwrap();
    let records = records(8);
    assert_eq!(collector.send(&events(&records)).unwrap(), [3]);
    let bodies: Vec<_> = told.try_iter().collect();
    assert!(bodies[0].0.contains("content-type: application/x-ndjson"), "{}", bodies[0].0);
    let arrived: Vec<_> = bodies.iter().filter(|(_, body)| !body.contains("rec_3")).collect();
    let lines: usize = arrived.iter().map(|(_, body)| body.lines().count()).sum();
    assert_eq!(lines, 7);
}

#[test]
fn who_is_away_gets_everything_again() {
    let (url, _told) = server(|_| 503);
    let records = records(2);
    let mut collector = Collector::at(&url, None, Format::Otlp).unwrap();
    assert_eq!(collector.send(&events(&records)).unwrap_err().code(), "log_unavailable");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for url in [format!("http://{nobody}/"), format!("syslog://{nobody}")] {
        let mut collector = Collector::at(&url, None, Format::Jsonl).unwrap();
        assert_eq!(collector.send(&events(&records)).unwrap_err().code(), "log_unavailable");
    }
}

#[test]
fn syslog_messages_have_their_length_and_a_new_connection_where_the_old_one_ended() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("syslog://{}", listener.local_addr().unwrap());
    let records = records(2);
    let mut collector = Collector::at(&url, None, Format::Cef).unwrap();
    for _ in 0..2 {
        assert!(collector.send(&events(&records)).unwrap().is_empty());
        let mut stream = BufReader::new(listener.accept().unwrap().0);
        for index in 0..2 {
            let mut length = Vec::new();
            stream.read_until(b' ', &mut length).unwrap();
            let length: usize = std::str::from_utf8(&length).unwrap().trim().parse().unwrap();
            let mut message = vec![0; length];
            stream.read_exact(&mut message).unwrap();
            let message = String::from_utf8(message).unwrap();
            let expected = format!(
                "<110>1 1970-01-01T00:00:00{}Z - wardline wardline/w0001/a1b2c3d4 audit - CEF:0|",
                ["", ".001"][index]
            );
            assert!(message.starts_with(&expected), "{message}");
            assert!(message.contains(&format!(" externalId=rec_{index} ")));
        }
    }
}

#[test]
fn what_leaves_this_machine_is_encrypted() {
    for url in [
        "http://logs.example.org/",
        "syslog://logs.example.org:601",
        "ftp://127.0.0.1/",
        "syslog+tls://",
        "logs",
    ] {
        assert_eq!(Collector::at(url, None, Format::Cef).unwrap_err().code(), "invalid_input", "{url}");
    }
    assert!(Collector::at("syslog+tls://logs.example.org", None, Format::Cef).is_ok());
    assert!(Collector::at("syslog+tls://logs.example.org", None, Format::Otlp).is_err());
    let hidden = Collector::at("https://logs.example.org/in/Tk8hs2", None, Format::Cef).unwrap();
    assert!(!format!("{hidden:?}").contains("Tk8hs2"));
}
