//! What a SQLite store does with its file.

use std::fs;

use wardline::store::{SqliteStore, Store};

#[test]
fn what_was_written_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let _ = SqliteStore::open(&path).unwrap().put("t", "k", None, b"v").unwrap();
    let again = SqliteStore::open(&path).unwrap();
    assert_eq!(again.get("t", "k").unwrap().unwrap().value, b"v");
    assert_eq!(again.revision().unwrap(), 1);
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_and_stays_so() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = SqliteStore::open(&path).unwrap();
    let _ = store.put("t", "k", None, b"v").unwrap();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
    }
    drop(store);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = SqliteStore::open(&path).unwrap_err().to_string();
    assert!(error.contains("state.db") && error.contains("644"), "{error}");
}

#[test]
fn each_wrong_file_is_named_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str| SqliteStore::open(folder.path().join(name)).unwrap_err();
    let private = |name: &str| {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
    };
    fs::write(
        folder.path().join("text.db"),
        "this is no database at all, whatever it is called\n".repeat(99),
    )
    .unwrap();
    private("text.db");
    let foreign = rusqlite::Connection::open(folder.path().join("foreign.db")).unwrap();
    foreign.execute_batch("CREATE TABLE songs (name TEXT)").unwrap();
    private("foreign.db");
    drop(SqliteStore::open(folder.path().join("newer.db")).unwrap());
    let newer = rusqlite::Connection::open(folder.path().join("newer.db")).unwrap();
    newer.execute("UPDATE wardline SET value = 2 WHERE name = 'schema'", ()).unwrap();
    for (name, words) in [
        ("text.db", "damaged"),
        ("foreign.db", "another SQLite database"),
        ("newer.db", "newer version"),
        ("no/such/folder.db", "cannot make"),
    ] {
        let error = open(name);
        let text = error.to_string();
        assert!(text.contains(words) && text.contains(name), "{text}");
        assert_eq!(error.code(), "store_unavailable");
    }
    assert!(SqliteStore::open(folder.path()).is_err());
}

#[cfg(unix)]
#[test]
fn a_file_put_in_place_of_the_open_one_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = SqliteStore::open(&path).unwrap();
    let _ = store.put("t", "k", None, b"v").unwrap();
    fs::rename(&path, folder.path().join("away.db")).unwrap();
    assert!(store.get("t", "k").unwrap_err().to_string().contains("any more"));
    drop(SqliteStore::open(&path).unwrap());
    assert!(store.get("t", "k").unwrap_err().to_string().contains("another file"));
}

#[cfg(unix)]
#[test]
fn a_copy_is_read_and_nothing_is_made_or_changed_beside_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    // What means something in a URI means nothing in a path.
    let path = folder.path().join("a copy?of=100%#1.db");
    let names = || {
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert!(SqliteStore::open_to_read(&path).is_err());
    assert!(names().is_empty(), "none is made where there is none");
    let writer = SqliteStore::open(&path).unwrap();
    let _ = writer.put("t", "k", None, b"v").unwrap();
    // Beside a writer, whose commit lies in its own file still.
    assert_eq!(SqliteStore::open_to_read(&path).unwrap().get("t", "k").unwrap().unwrap().value, b"v");
    drop(writer);
    let (before, bytes) = (names(), fs::read(&path).unwrap());
    // One that was copied can often be read by all, and they may not write it.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    let copy = SqliteStore::open_to_read(&path).unwrap();
    assert_eq!(copy.get("t", "k").unwrap().unwrap().value, b"v");
    assert!(copy.put("t", "k2", None, b"v").is_err());
    assert_eq!((names(), fs::read(&path).unwrap()), (before, bytes));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o646)).unwrap();
    let error = SqliteStore::open_to_read(&path).unwrap_err().to_string();
    assert!(error.contains("everyone may use") && error.contains("646"), "{error}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, b"not a database at all, but long enough to be taken for one").unwrap();
    let error = SqliteStore::open_to_read(&path).unwrap_err().to_string();
    assert!(error.contains("cannot read the store"), "{error}");
}
