//! What is PostgreSQL's own: who may connect, what is there already, and a server that goes away.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use wardline::store::{PostgresStore, Put, Store};

use crate::server::{self, PASSWORD, Server, url};

/// Far longer than anything takes: what hangs fails, and nothing is timed.
const HANG: Duration = Duration::from_secs(60);

fn open(text: &str) -> PostgresStore {
    PostgresStore::open(&url(text)).unwrap()
}

#[test]
fn its_clock_is_the_servers_and_a_second_opening_finds_what_was_there() {
    let database = server::database();
    let first = open(&database);
    let Put::Done(rev) = first.put("t", "k", None, b"v").unwrap() else { panic!() };
    let second = open(&database);
    assert_eq!(second.get("t", "k").unwrap().unwrap().rev, rev);
    let before = first.now().unwrap().millis();
    let theirs: i64 = server::shared().sql(&database, "SELECT wardline_now()").parse().unwrap();
    assert!((before..=second.now().unwrap().millis()).contains(&theirs));
}

#[test]
fn a_newer_layout_and_foreign_tables_are_refused() {
    let database = server::database();
    drop(open(&database));
    server::shared().sql(&database, "UPDATE wardline SET value = 99 WHERE name = 'schema'");
    let error = PostgresStore::open(&url(&database)).unwrap_err();
    assert_eq!(error.code(), "store_unavailable");
    assert!(error.to_string().contains("newer version"), "{error}");
    let foreign = server::database();
    server::shared().sql(&foreign, "CREATE TABLE wardline (id int)");
    let error = PostgresStore::open(&url(&foreign)).unwrap_err().to_string();
    assert!(error.contains("something else"), "{error}");
    assert_eq!(server::shared().sql(&foreign, "SELECT to_regclass('wardline_rows') IS NULL"), "t");
}

#[test]
fn neither_errors_nor_debug_tell_user_or_password() {
    let database = server::database();
    let good = open(&database);
    let debug = format!("{good:?} {:?}", url(&database));
    let wrong = database.replace(PASSWORD, "an0ther-pw");
    let refused = PostgresStore::open(&url(&wrong)).unwrap_err();
    assert!(refused.to_string().contains("refuses the user or the password"), "{refused}");
    let missing = PostgresStore::open(&url(&database.replace("@/", "@/missing-"))).unwrap_err();
    assert!(missing.to_string().contains("no such database"), "{missing}");
    let nowhere = database.replace("host=", "host=/nowhere");
    let nowhere = PostgresStore::open(&url(&nowhere)).unwrap_err();
    let garbled = url(&format!("postgres://wardline:{PASSWORD}@host:port:port/x?{PASSWORD}=1"));
    let garbled = PostgresStore::open(&garbled).unwrap_err();
    for error in [refused, missing, nowhere, garbled] {
        let mut told = format!("{error} {error:?}");
        let mut source = std::error::Error::source(&error);
        while let Some(beneath) = source {
            told += &format!("{beneath} {beneath:?}");
            source = beneath.source();
        }
        assert!(!told.contains(PASSWORD) && !told.contains("an0ther-pw"), "{told}");
    }
    assert!(!debug.contains(PASSWORD) && !debug.contains("wardline:"), "{debug}");
    assert_eq!(
        server::shared().sql(
            &database,
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pa55%' AND pid <> pg_backend_pid()"
        ),
        "0"
    );
}

#[test]
fn another_connection_is_told_of_a_commit() {
    let database = server::database();
    let (reader, writer) = (open(&database), open(&database));
    let (tell, told) = channel();
    reader.on_change(Box::new(move || {
        let _ = tell.send(());
    }));
    let Put::Done(rev) = writer.put("t", "k", None, b"v").unwrap() else { panic!() };
    told.recv_timeout(HANG).unwrap();
    assert_eq!(reader.revision().unwrap(), rev);
}

#[test]
fn a_server_that_went_away_fails_every_call_and_serves_again_when_it_is_back() {
    let server = Server::start(&[]);
    let store = open(&server.database());
    let Put::Done(rev) = store.put("t", "k", None, b"v").unwrap() else { panic!() };
    server.stop();
    for _ in 0..3 {
        assert_eq!(store.revision().unwrap_err().code(), "store_unavailable");
        assert_eq!(store.put("t", "k", Some(rev), b"w").unwrap_err().code(), "store_unavailable");
    }
    server.start_again();
    let row = loop {
        match store.get("t", "k") {
            Ok(row) => break row.unwrap(),
            Err(_) => std::thread::yield_now(),
        }
    };
    assert_eq!((row.rev, row.value.as_slice()), (rev, &b"v"[..]));
    assert!(matches!(store.put("t", "k", Some(rev), b"w").unwrap(), Put::Done(_)));
}

#[test]
fn a_store_serves_within_an_async_host_too() {
    let database = server::database();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = open(&database);
        assert!(matches!(store.put("t", "k", None, b"v").unwrap(), Put::Done(_)));
        drop(store);
    });
}

/// Over the network the server's certificate is verified, and nothing else will do.
#[test]
fn certificates_are_verified() {
    let (ours, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    certificate(ours.path());
    certificate(other.path());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Server::start_with(
        port,
        &["listen_addresses=127.0.0.1", "ssl=on", "ssl_cert_file=../cert", "ssl_key_file=../key"],
        |folder| {
            for file in ["cert", "key"] {
                std::fs::copy(ours.path().join(file), folder.join(file)).unwrap();
            }
        },
    );
    let database = server.database().split('?').next().unwrap().replace("@/", &format!("@127.0.0.1:{port}/"));
    let with = |more: &str| PostgresStore::open(&url(&format!("{database}?{more}")));
    let root = |folder: &Path| format!("sslrootcert={}", folder.join("cert").display());
    let store = with(&format!("sslmode=require&{}", root(ours.path()))).unwrap();
    assert!(matches!(store.put("t", "k", None, b"v").unwrap(), Put::Done(_)));
    assert_eq!(server.sql(&database, "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'wardline'"), "t");
    let error = with(&format!("sslmode=require&{}", root(other.path()))).unwrap_err().to_string();
    assert!(error.contains("certificate") || error.contains("TLS"), "{error}");
    assert!(with("sslmode=prefer").is_err() && with("sslmode=allow").is_err());
    assert!(with("sslmode=disable").is_ok(), "only where it is said");
}

/// A certificate of its own for 127.0.0.1.
fn certificate(folder: &Path) {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-nodes",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(folder.join("key"))
        .arg("-out")
        .arg(folder.join("cert"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
