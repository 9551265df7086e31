//! What every store promises.

use std::time::Duration;

use wardline::store::{Put, Write};

use crate::on_each_store;

fn done(put: Put) -> u64 {
    match put {
        Put::Done(rev) => rev,
        Put::Lost => panic!("lost"),
    }
}

#[test]
fn a_row_is_written_only_where_it_stands_as_expected() {
    on_each_store(|store, _| {
        assert_eq!(store.revision().unwrap(), 0);
        assert_eq!(store.get("t", "k").unwrap(), None);
        assert_eq!(store.put("t", "k", Some(1), b"x").unwrap(), Put::Lost);
        let first = done(store.put("t", "k", None, b"a").unwrap());
        assert_eq!(store.put("t", "k", None, b"b").unwrap(), Put::Lost);
        let second = done(store.put("t", "k", Some(first), b"b").unwrap());
        assert_eq!(store.put("t", "k", Some(first), b"c").unwrap(), Put::Lost);
        let row = store.get("t", "k").unwrap().unwrap();
        assert_eq!((row.rev, row.value.as_slice()), (second, &b"b"[..]));
        assert_eq!(store.get("other", "k").unwrap(), None);
        assert_eq!(store.revision().unwrap(), second);
    });
}

#[test]
fn what_changed_since_comes_in_order_and_once() {
    on_each_store(|store, _| {
        let a = done(store.put("t", "a", None, b"1").unwrap());
        done(store.put("t", "b", None, b"1").unwrap());
        let other = done(store.put("other", "a", None, b"1").unwrap());
        let all = store.read_since("t", 0).unwrap();
        assert_eq!(all.revision, other);
        assert_eq!(all.rows.iter().map(|r| r.key.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        done(store.put("t", "a", Some(a), b"2").unwrap());
        let since = store.read_since("t", all.revision).unwrap();
        assert_eq!(
            since.rows.iter().map(|r| (r.key.as_str(), r.value[0])).collect::<Vec<_>>(),
            [("a", b'2')]
        );
        assert!(store.read_since("t", since.revision).unwrap().rows.is_empty());
        assert!(store.read_since("t", u64::MAX).unwrap().rows.is_empty());
        assert!(store.read_since("nothing", 0).unwrap().rows.is_empty());
    });
}

#[test]
fn several_rows_are_written_together_or_not_at_all() {
    on_each_store(|store, _| {
        done(store.put("t", "taken", None, b"").unwrap());
        let row = |key| Write { table: "t", key, expect: None, value: b"v", before: None };
        assert_eq!(store.commit(&[row("new"), row("taken")]).unwrap(), Put::Lost);
        assert_eq!(store.get("t", "new").unwrap(), None);
        let rev = done(store.commit(&[row("new"), row("newer")]).unwrap());
        for key in ["new", "newer"] {
            assert_eq!(store.get("t", key).unwrap().unwrap().rev, rev);
        }
    });
}

#[test]
fn a_commit_that_comes_late_is_lost() {
    on_each_store(|store, clock| {
        let end = store.now().unwrap() + Duration::from_millis(5);
        let write = |key| Write { table: "t", key, expect: None, value: b"", before: Some(end) };
        done(store.commit(&[write("in time")]).unwrap());
        clock.advance(Duration::from_millis(5));
        assert_eq!(store.commit(&[write("late")]).unwrap(), Put::Lost);
    });
}

#[test]
fn rows_have_limits_and_hold_any_bytes() {
    on_each_store(|store, _| {
        let every: Vec<u8> = (0..=255).collect();
        done(store.put("t", "é\u{1F512}'; DROP TABLE x; --", None, &every).unwrap());
        assert_eq!(store.get("t", "é\u{1F512}'; DROP TABLE x; --").unwrap().unwrap().value, every);
        for (table, key, value) in [("", "k", 0), ("t", "", 0), ("t", "k", (1 << 20) + 1)] {
            assert_eq!(store.put(table, key, None, &vec![0; value]).unwrap_err().code(), "invalid_input");
        }
        assert!(store.put("t", &"k".repeat(513), None, b"").is_err());
    });
}
