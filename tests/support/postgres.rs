//! A PostgreSQL server for tests: real, on a free port of the loopback interface, ended with the test's process.

use std::{
    fs,
    io::Write,
    net::TcpListener,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::peers::{self, Installed};

/// How long the server may take to start or stop.
const PATIENCE: Duration = Duration::from_secs(60);
/// The user and group that own nothing: PostgreSQL refuses to run as root.
const NOBODY: u32 = 65_534;
/// Runs the program of the arguments and ends it with the test's process: standard input ends then, however that ends. A
/// line on it stops the program, too.
const WATCH: &str = r#""$@" & server=$!; read -r _; kill -INT $server; wait $server"#;
/// What is in the server at first. `reader` is a role that Toolcell takes; its password has to be encoded in URLs.
const SETUP: &str = "CREATE ROLE reader LOGIN PASSWORD 'p@ss/word'; GRANT pg_read_all_data TO reader; \
    CREATE TABLE numbers (n int PRIMARY KEY, word text); INSERT INTO numbers SELECT n, 'word ' || n FROM \
    generate_series(1, 1000) n; CREATE SEQUENCE counter; GRANT USAGE ON counter TO reader; \
    GRANT INSERT, UPDATE, DELETE, TRUNCATE ON numbers TO reader; GRANT CREATE ON SCHEMA public TO reader;";

/// A server with a data folder of its own.
pub struct Postgres {
    pub port: u16,
    folder: TempDir,
    programs: PathBuf,
    /// Options of the server besides the usual ones.
    options: &'static [&'static str],
    server: Option<Child>,
    runtime: Runtime,
}

impl Postgres {
    /// A new server that runs.
    pub fn start() -> Self {
        Self::start_installed(peers::postgres(), &[], |_| {})
    }

    /// A new server with TLS, for which `prepare` has put certificate and key into its data folder.
    pub fn start_with_tls(prepare: impl FnOnce(&Path)) -> Self {
        Self::start_installed(peers::postgres_with_tls(), &["-c", "ssl=on"], prepare)
    }

    /// A standby of this server that follows it, with these options.
    pub fn standby(&self, options: &'static [&'static str]) -> Self {
        let mut standby = Self::without_data(peers::postgres(), options);
        let mut copy = standby.program("pg_basebackup");
        copy.args(["--checkpoint=fast", "--no-sync", "--write-recovery-conf"]).arg("--dbname").arg(self.admin_url());
        run(copy.arg("--pgdata").arg(standby.data()));
        standby.run();
        standby
    }

    fn start_installed(installed: Installed, options: &'static [&'static str], prepare: impl FnOnce(&Path)) -> Self {
        let mut postgres = Self::without_data(installed, options);
        postgres.make_data_folder();
        prepare(&postgres.data());
        if is_root() {
            run(Command::new("chown").args(["-R", &format!("{NOBODY}:{NOBODY}")]).arg(postgres.data()));
        }
        postgres.run();
        postgres.admin(SETUP);
        postgres
    }

    /// The programs, with a data folder that is not made yet.
    fn without_data(installed: Installed, options: &'static [&'static str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let Installed { folder: mut installed, programs } = installed;
        if is_root() {
            // The server's user may not be able to reach the target directory.
            let reachable = folder.path().join("installed");
            run(Command::new("cp").arg("-R").arg(&installed).arg(&reachable));
            installed = reachable;
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("root may give a folder away");
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self {
            port: free_port(),
            folder,
            programs: installed.join(programs),
            options,
            server: None,
            runtime: runtime.expect("a runtime starts"),
        }
    }

    fn make_data_folder(&self) {
        let password = self.folder.path().join("password");
        fs::write(&password, "admin").expect("the folder is ours");
        fs::set_permissions(&password, fs::Permissions::from_mode(0o644)).expect("the file is ours");
        let mut initdb = self.program("initdb");
        initdb.args(["--username=admin", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        run(initdb.arg("--pwfile").arg(password).arg("--pgdata").arg(self.data()));
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts the server, on the port that it had.
    pub fn run(&mut self) {
        let mut watch = as_its_user(Command::new("sh"));
        watch.args(["-c", WATCH, "sh"]).arg(self.programs.join("postgres")).arg("-D").arg(self.data());
        watch.arg("-p").arg(self.port.to_string());
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=40"] {
            watch.args(["-c", setting]);
        }
        watch.args(self.options).current_dir(self.folder.path());
        let server = watch.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.server = Some(server.expect("there is a shell"));
        let began = Instant::now();
        while self.runtime.block_on(tokio_postgres::connect(&self.admin_url(), NoTls)).is_err() {
            assert!(began.elapsed() < PATIENCE, "PostgreSQL did not start");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops the server as `pg_ctl stop -m fast` does: sessions are ended.
    pub fn stop(&mut self) {
        let mut server = self.server.take().expect("it runs");
        // Its watch waits for a line.
        let _ = server.stdin.take().expect("it is piped").write_all(b"\n");
        server.wait().expect("it is a child");
    }

    /// Runs statements as the superuser.
    pub fn admin(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.runtime.block_on(async {
            let (client, connection) =
                tokio_postgres::connect(&self.admin_url(), NoTls).await.expect("the server runs");
            tokio::spawn(connection);
            let messages = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            let rows = messages.iter().filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect()),
                _ => None,
            });
            rows.collect()
        })
    }

    /// Waits until no session of `reader` runs a statement with these words.
    pub fn wait_until_gone(&self, words: &str) {
        self.wait_for_sessions(&format!("state = 'active' AND query LIKE '%{words}%'"), false);
    }

    /// Waits until a session of `reader` runs a statement with these words.
    pub fn wait_until_running(&self, words: &str) {
        self.wait_for_sessions(&format!("state = 'active' AND query LIKE '%{words}%'"), true);
    }

    /// Ends all sessions of `reader`.
    pub fn end_sessions(&self) {
        self.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'");
        self.wait_for_sessions("true", false);
    }

    /// Waits until there is a session of `reader` of which this is true, or none.
    fn wait_for_sessions(&self, condition: &str, there_are_some: bool) {
        let sql = format!("SELECT 1 FROM pg_stat_activity WHERE usename = 'reader' AND {condition}");
        let began = Instant::now();
        while self.admin(&sql).is_empty() == there_are_some {
            assert!(began.elapsed() < PATIENCE, "sessions where {condition}: {there_are_some} never came");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The URL for the role that only reads.
    pub fn url(&self) -> String {
        self.url_of("reader:p%40ss%2Fword", "postgres")
    }

    /// The URL for a user with a password, and the name of a database.
    pub fn url_of(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port)
    }

    fn admin_url(&self) -> String {
        self.url_of("admin:admin", "postgres")
    }

    fn program(&self, name: &str) -> Command {
        let mut program = as_its_user(Command::new(self.programs.join(name)));
        program.current_dir(self.folder.path());
        program
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.stop();
        }
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn as_its_user(mut command: Command) -> Command {
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?} failed\n{}", String::from_utf8_lossy(&output.stderr));
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener.local_addr().expect("it is bound").port()
}
