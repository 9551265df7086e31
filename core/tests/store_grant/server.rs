//! A real PostgreSQL for the tests: from the machine's binaries, in a folder of its own, on a socket, as somebody who is not root.
//!
//! A small shell watches over it and ends it as soon as the test's end of a pipe is closed, however that comes about: a test that
//! fails, hangs or is killed leaves neither server nor files.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};

use wardline::store::StoreUrl;

/// The password of the tests' user: must show nowhere.
pub(crate) const PASSWORD: &str = "pa55-of-the-tests";

/// What a socket is called by, where nothing listens on the network.
const PORT: u16 = 5_432;

/// The server that tests share, each with a database of its own.
static SHARED: LazyLock<Server> = LazyLock::new(|| Server::start(&[]));

/// A server that ends with this process at the latest.
pub(crate) struct Server {
    folder: PathBuf,
    bin: PathBuf,
    port: u16,
    watch: Mutex<Watch>,
}

struct Watch {
    /// Ends the server when it is dropped.
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    _shell: Child,
}

/// Carries out the orders `stop` and `start`; ends the server when there are no more. The settings keep it small on disk and in
/// memory, and off the shared memory that containers have little of; why one of its processes died is told on standard error.
const SCRIPT: &str = r#"
cd "$1" || exit 1
bin=$2
shift 2
"$bin/initdb" -D data -U wardline -A scram-sha-256 --pwfile=pw -E UTF8 --locale=C --no-sync >log 2>&1 || { cat log; exit 1; }
start() {
    "$bin/postgres" -D data -k "$PWD" -c listen_addresses= -c fsync=off -c max_connections=64 -c shared_buffers=16MB \
        -c min_wal_size=32MB -c max_wal_size=64MB -c dynamic_shared_memory_type=mmap "$@" >>log 2>&1 </dev/null &
    pid=$!
    tries=0
    until "$bin/pg_isready" -q -h "$PWD"; do
        tries=$((tries + 1))
        kill -0 $pid 2>/dev/null && [ $tries -lt 1200 ] || { cat log; kill -QUIT $pid; exit 1; }
        sleep 0.05
    done
}
stop() { kill -QUIT $pid 2>/dev/null; wait $pid 2>/dev/null; }
start "$@"
echo ready
while read -r order; do
    case $order in
    stop) stop ;;
    start) start "$@" ;;
    esac
    echo ready
done
stop
grep -E 'PANIC|terminated by signal|exited with exit code|No space left' log >&2
cd / && rm -rf "$OLDPWD"
"#;

impl Server {
    /// Starts one with further settings.
    pub(crate) fn start(settings: &[&str]) -> Self {
        Self::start_with(PORT, settings, |_| ())
    }

    /// The same by another port; `prepare` puts what the settings name into the server's folder.
    pub(crate) fn start_with(port: u16, settings: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let bin = binaries();
        let folder = tempfile::Builder::new().prefix("wardline-pg-").tempdir().unwrap().keep();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(folder.join("pw"), PASSWORD).unwrap();
        prepare(&folder);
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "wardline-pg"]).arg(&folder).arg(&bin);
        shell.args(settings.iter().flat_map(|setting| ["-c", setting]));
        shell.env("PGPORT", port.to_string());
        // The server refuses to run as root.
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            let (uid, gid) = somebody();
            chown(&folder, Some(uid), Some(gid)).unwrap();
            for entry in fs::read_dir(&folder).unwrap() {
                chown(entry.unwrap().path(), Some(uid), Some(gid)).unwrap();
            }
            shell.uid(uid).gid(gid);
        }
        let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let orders = shell.stdin.take().unwrap();
        let answers = BufReader::new(shell.stdout.take().unwrap());
        let server = Self { folder, bin, port, watch: Mutex::new(Watch { orders, answers, _shell: shell }) };
        server.watch.lock().unwrap().ready();
        server
    }

    /// Ends the server at once, as a crash does.
    pub(crate) fn stop(&self) {
        self.order("stop");
    }

    /// Starts it again on what it had.
    pub(crate) fn start_again(&self) {
        self.order("start");
    }

    fn order(&self, order: &str) {
        let mut watch = self.watch.lock().unwrap();
        writeln!(watch.orders, "{order}").unwrap();
        watch.ready();
    }

    /// Makes a database and answers its URL, password and all.
    pub(crate) fn database(&self) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("t{}", COUNT.fetch_add(1, Ordering::SeqCst));
        let made = self.client("createdb").arg(&name).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        format!("postgres://wardline:{PASSWORD}@/{name}?host={}", self.folder.display())
    }

    /// Carries out SQL in the database of a URL, and answers what it says.
    pub(crate) fn sql(&self, url: &str, sql: &str) -> String {
        let name = url.split('?').next().unwrap().rsplit('/').next().unwrap();
        let done = self.client("psql").args(["-qAtX", "-d", name, "-c", sql]).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.arg("-h").arg(&self.folder).args(["-U", "wardline"]).env("PGPASSWORD", PASSWORD);
        command.env("PGPORT", self.port.to_string());
        command
    }
}

impl Watch {
    fn ready(&mut self) {
        let (mut said, mut line) = (String::new(), String::new());
        while self.answers.read_line(&mut line).unwrap() > 0 {
            if line.trim() == "ready" {
                return;
            }
            said.push_str(&std::mem::take(&mut line));
        }
        panic!("PostgreSQL does not start:\n{said}");
    }
}

/// The shared server.
pub(crate) fn shared() -> &'static Server {
    &SHARED
}

/// An empty database of the shared server.
pub(crate) fn database() -> String {
    SHARED.database()
}

pub(crate) fn url(text: &str) -> StoreUrl {
    StoreUrl::parse(text).unwrap()
}

/// The newest installed version.
fn binaries() -> PathBuf {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = debian.map(|version| version.path().join("bin")).collect();
    found.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let programs = ["initdb", "postgres", "pg_isready", "createdb", "psql"];
    found.retain(|bin| programs.iter().all(|program| bin.join(program).exists()));
    found.sort();
    found.pop().unwrap_or_else(|| {
        panic!("these tests need PostgreSQL's initdb and postgres (Debian: apt-get install postgresql)")
    })
}

/// Whom the server runs as where the tests run as root.
fn somebody() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let of = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    of("postgres").or_else(|| of("nobody")).unwrap()
}
