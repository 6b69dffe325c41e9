use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
    path::PathBuf,
    time::{Instant, SystemTime},
};

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{record::CallRecord, *};
use crate::{
    failure::ToolError,
    outcome::Output,
    receipt::{
        CacheUse, DatabaseFailure, DatabaseFault, Denial, Exchange, ExchangeEnd, FileUse, Query as Question, QueryEnd,
        Receipt, Server, Stage, Unreachable,
    },
    user::User,
};

fn server(host: &str) -> Server {
    Server { scheme: "https".to_owned(), host: host.to_owned(), port: 443 }
}

/// A call that did a little of everything.
fn busy_receipt(id: CallId) -> Receipt {
    let exchange = |end| Exchange {
        sent: 17,
        received: 4_096,
        elapsed: Duration::from_micros(12_345),
        end,
        ..Exchange::new(server("api.example.com"), "GET")
    };
    let failed = Unreachable::Refused;
    let query = |end| Question {
        database: "replica".to_owned(),
        rows: 3,
        bytes: 120,
        start: Duration::ZERO,
        elapsed: Duration::from_millis(2),
        end,
    };
    let failure = DatabaseFailure { database: "events".to_owned(), place: None, fault: DatabaseFault::NotListed };
    Receipt {
        elapsed: Duration::from_micros(41_250),
        computing: Duration::from_micros(1_500),
        memory_peak: 1 << 20,
        exchanges: vec![
            exchange(ExchangeEnd::Answered(200)),
            exchange(ExchangeEnd::Failed(failed)),
            exchange(ExchangeEnd::Pending(Stage::Body)),
        ],
        cache: CacheUse { hits: 1, misses: 2, sets: 3, fault: None },
        queries: vec![query(QueryEnd::Answered), query(QueryEnd::Failed(Box::new(failure)))],
        files: FileUse { opened: 2, written: 4_096 },
        denials: vec![
            Denial::NotAsked(server("evil.example")),
            Denial::Socket,
            Denial::NotAsked(server("evil.example")),
        ],
        unset_variables: vec!["TOKEN".to_owned()],
        stderr: "secret \u{1b}[31m\n".to_owned(),
        answered: 12,
        ..Receipt::new(id)
    }
}

fn observed(name: &str, arguments: Value) -> Arc<ObservedCall> {
    Arc::new(ObservedCall {
        id: CallId::next(),
        user: User::local(),
        name: name.to_owned(),
        tool: None,
        arguments: Arc::new(arguments),
        arrived: SystemTime::UNIX_EPOCH + Duration::from_millis(1_780_000_000_123),
        trace: None,
        cancel: CancellationToken::new(),
    })
}

fn line(entry: Entry, with_arguments: bool, id: CallId) -> String {
    let mut line = String::new();
    let record = entry.record(with_arguments);
    record.append_to(&mut line);
    assert_eq!(Record::parse(&line).expect("it is one record"), record, "what is written can be read");
    line.replace(&id.to_string(), "CALL")
}

#[test]
fn a_line_says_what_the_host_saw() {
    let call = observed("search", json!({"query": "secret", "limit": 3}));
    let answered = Outcome { result: Ok(Output::default()), receipt: busy_receipt(call.id) };
    let failed = Outcome { result: Err(Failure::StackOverflow), receipt: Receipt::new(call.id) };
    let line = |outcome, whole| line(Entry::call(&call, outcome), whole, call.id);
    assert!(!line(&answered, false).contains("secret"));
    let lines = [line(&answered, true), line(&failed, false)].concat();
    insta::assert_snapshot!("lines", lines);
}

#[test]
fn an_unknown_tool_is_one_escaped_line_of_bounded_length() {
    let name = format!("x\n{{\"time\":\"2026\"}}\u{202e}{}", "a".repeat(100_000));
    let call = observed(&name, json!({"long": "b".repeat(100_000)}));
    let line = line(Entry::Unknown(Arc::clone(&call)), true, call.id);
    assert!(line.len() < 6_000 && line.matches('\n').count() == 1, "{} bytes", line.len());
    assert!(line.contains(r#""tool":"x\n{\"time\":\"2026\"}\u202eaaa"#), "{line}");
    let record = Record::parse(&line).expect("a record");
    let arguments = &record.call().expect("a call").arguments;
    assert_eq!((arguments.bytes, &arguments.json), (100_011, &None));
    assert_eq!(record.outcome(), Some(CallRecord::UNKNOWN_TOOL));
}

/// A plugin chooses the codes of failures that it foresees.
#[test]
fn a_plugin_cannot_pass_a_failure_for_something_else() {
    for (code, outcome) in [
        ("ok", "tool_error"),
        ("unknown_tool", "tool_error"),
        ("deadline", "deadline"),
        ("story_not_found", "story_not_found"),
    ] {
        let call = observed("story", json!({}));
        let error = ToolError {
            code: code.to_owned(),
            message: "no".repeat(100_000),
            likely_causes: vec!["x".repeat(100_000)],
            check_first: None,
            retryable: false,
        };
        let failed = Outcome { result: Err(Failure::Tool(error)), receipt: Receipt::new(call.id) };
        let record = Entry::call(&call, &failed).record(false);
        assert_eq!(record.outcome(), Some(outcome));
        assert!(record.call().is_some_and(|call| call.told_by_plugin));
        let report = record.call().and_then(|call| call.failure.as_ref()).expect("it failed");
        assert!(report.code == code && report.message.len() < 2_500);
    }
}

/// A folder for a log, and the path of one in it.
fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("audit.jsonl");
    (dir, path)
}

fn settings(path: &Path) -> Settings {
    Settings { file: Some(path.to_owned()), max: 64 << 20, keep: 2, arguments: false, required: false }
}

fn start(settings: Settings) -> Log {
    Log::start(settings, Path::new("/srv/plugins"), "stdio").expect("it starts")
}

fn fail(log: &Log, times: usize) {
    let call = observed("echo", json!({}));
    for _ in 0..times {
        log.ended(&call, &Outcome { result: Err(Failure::StackOverflow), receipt: Receipt::new(call.id) });
    }
}

/// The events of a file, in order.
fn events(path: &Path) -> Vec<Event> {
    let text = fs::read_to_string(path).expect("it is there");
    text.lines().map(|line| Record::parse(line).unwrap_or_else(|error| panic!("{error}: {line}")).event).collect()
}

fn calls(path: &Path) -> usize {
    events(path).iter().filter(|event| matches!(event, Event::Call(_))).count()
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited too long until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_log_begins_and_ends_and_is_private() {
    let (_dir, path) = place();
    let log = start(settings(&path));
    fail(&log, 3);
    log.close();
    fail(&log, 1);
    let events = events(&path);
    assert!(matches!(&events[0], Event::Started(started) if started.folder == "/srv/plugins"), "{events:?}");
    assert!(matches!(events.last(), Some(Event::Stopped { .. })) && events.len() == 5, "{events:?}");
    assert_eq!(fs::metadata(&path).expect("it is there").mode() & 0o777, 0o600);
}

#[test]
fn a_full_file_is_put_aside_and_the_oldest_removed() {
    let (dir, path) = place();
    let mut file = LogFile::new(path.clone(), 100, 2);
    let line = |n: usize| format!("{}{n:060}\"}}\n", Record::BEGINNING);
    for n in 0..4 {
        file_append(&mut file, &line(n));
    }
    let read = |path: PathBuf| fs::read_to_string(path).expect("it is there");
    assert_eq!(read(path.clone()), line(3));
    assert_eq!(read(file::numbered(&path, 1)), line(2));
    assert_eq!(read(file::numbered(&path, 2)), line(1));
    assert_eq!(fs::read_dir(dir.path()).expect("it is readable").count(), 3, "the oldest is gone");
    // Fewer are kept from now on.
    file_append(&mut LogFile::new(path.clone(), 100, 1), &line(4));
    assert_eq!(read(file::numbered(&path, 1)), line(3));
    assert_eq!(fs::read_dir(dir.path()).expect("it is readable").count(), 2);
}

fn file_append(file: &mut LogFile, line: &str) {
    let mut sink = Sink::File(std::mem::replace(file, LogFile::new(PathBuf::new(), 0, 1)));
    sink.append(line).expect("it can be written");
    if let Sink::File(back) = sink {
        *file = back;
    }
}

/// Each opens the file for itself, as hosts do that run at the same time, and puts it aside when it is full.
#[test]
fn several_writers_lose_and_mix_nothing() {
    const EACH: usize = 200;
    let (_dir, path) = place();
    let one = |writer: usize| {
        let path = path.clone();
        thread::spawn(move || {
            let mut sink = Sink::File(LogFile::new(path, 8 << 10, 1_000));
            for n in 0..EACH {
                let line = format!("{}{writer}-{n}\",\"x\":\"{}\"}}\n", Record::BEGINNING, "x".repeat(n));
                sink.append(&line).expect("it can be written");
            }
        })
    };
    for writer in [0, 1, 2].map(one) {
        writer.join().expect("it writes");
    }
    let files = file::files(&path).expect("they can be read");
    assert!(files.len() > 8, "{} files", files.len());
    let mut next = [0; 3];
    for (path, _) in files.into_iter().rev() {
        for line in fs::read_to_string(path).expect("it is there").lines() {
            let line: Value = serde_json::from_str(line).expect("it is whole");
            let (writer, n) = line["time"].as_str().and_then(|time| time.split_once('-')).expect("as it was written");
            let next = &mut next[writer.parse::<usize>().expect("a number")];
            assert_eq!(n, next.to_string());
            *next += 1;
        }
    }
    assert_eq!(next, [EACH; 3]);
}

#[test]
fn what_was_half_written_stays_one_line() {
    let (_dir, path) = place();
    fs::write(&path, "{\"time\":\"2026-").expect("the folder is ours");
    Sink::File(LogFile::new(path.clone(), 1 << 20, 2)).append("{}\n").expect("it can be written");
    assert_eq!(fs::read_to_string(&path).expect("it is there"), "{\"time\":\"2026-\n{}\n");
}

#[test]
fn only_a_log_is_written_to() {
    let (dir, path) = place();
    let problem = |path: &Path| {
        let appended = Sink::File(LogFile::new(path.to_owned(), 1 << 20, 2)).append("{}\n");
        appended.expect_err("it is not a log").to_string()
    };
    fs::write(&path, "alias ls=rm\n").expect("the folder is ours");
    assert_eq!(problem(&path), "holds something else than an audit log");
    assert_eq!(fs::read_to_string(&path).expect("it is there"), "alias ls=rm\n");
    let link = dir.path().join("link.jsonl");
    symlink(&path, &link).expect("a link");
    assert!(problem(&link).contains("symbolic links"), "{}", problem(&link));
    assert!(problem(dir.path()).contains("directory"));
    assert!(problem(Path::new("/dev/full")).contains("No space left"), "{}", problem(Path::new("/dev/full")));
}

/// The lock stands for a disk that takes its time.
#[test]
fn a_slow_disk_holds_no_call_and_what_is_lost_is_counted() {
    let (_dir, path) = place();
    let log = start(settings(&path));
    let held = fs::File::open(&path).expect("it is there");
    flock(&held, FlockOperation::LockExclusive).expect("it is free");
    fail(&log, 10_000);
    drop(held);
    log.close();
    // A busy machine may need longer than a program waits that ends.
    wait_for("all is written", || log.queue.close(Duration::ZERO));
    let events: Vec<_> =
        file::files(&path).expect("they are there").iter().rev().flat_map(|(path, _)| self::events(path)).collect();
    let calls = events.iter().filter(|event| matches!(event, Event::Call(_))).count();
    let lost =
        events.iter().map(|event| if let Event::Lost { records, .. } = event { *records } else { 0 }).sum::<u64>();
    assert!(calls >= 4_096 && lost > 0, "{calls} written, {lost} lost");
    // The last line may have found no room either.
    assert!((10_000..=10_001).contains(&(calls as u64 + lost)), "{calls} written, {lost} lost");
}

#[test]
fn what_could_not_be_written_is_written_later() {
    let (dir, _) = place();
    let folder = dir.path().join("log");
    let path = folder.join("audit.jsonl");
    let log = start(settings(&path));
    fail(&log, 2);
    fs::create_dir(&folder).expect("the folder is ours");
    wait_for("it is written", || path.exists() && calls(&path) == 2);
    assert!(matches!(events(&path)[0], Event::Started(_)));
    wait_for("that is known", || !log.is_failing.load(Ordering::Relaxed));
}

#[test]
fn where_lines_are_required_calls_wait_for_none_and_are_refused() {
    let (dir, _) = place();
    let folder = dir.path().join("log");
    let path = folder.join("audit.jsonl");
    let required = || Settings { required: true, ..settings(&path) };
    let error = Log::start(required(), Path::new("/"), "http").expect_err("there is no folder");
    assert!(
        error.to_string().ends_with("No such file or directory (os error 2); toolcell.toml requires it"),
        "{error}"
    );
    fs::create_dir(&folder).expect("the folder is ours");
    let log = start(required());
    assert_eq!(log.objection(), None);
    fs::remove_dir_all(&folder).expect("the folder is ours");
    fail(&log, 1);
    wait_for("calls are refused", || log.objection() == Some(Failure::NotRecorded));
    fs::create_dir(&folder).expect("the folder is ours");
    wait_for("calls run again", || log.objection().is_none());
    assert_eq!(calls(&path), 1, "nothing was lost meanwhile");
}

#[test]
fn a_log_ends_though_its_disk_does_not_answer() {
    let (dir, _) = place();
    let log = start(settings(&dir.path().join("nowhere/audit.jsonl")));
    fail(&log, 1);
    log.close();
}

fn written(path: &Path, calls: impl IntoIterator<Item = (&'static str, i64)>) {
    let mut lines = String::new();
    for (user, second) in calls {
        let refused = record::Refused {
            outcome: "no_token".to_owned(),
            why: String::new(),
            from: None,
            user: Some(user.to_owned()),
        };
        let time = Timestamp::from_second(second).expect("a time");
        Record { time, event: Event::Refused(refused) }.append_to(&mut lines);
    }
    fs::write(path, lines).expect("the folder is ours");
}

#[test]
fn questions_are_answered_from_all_files_the_newest_last() {
    let (_dir, path) = place();
    written(&file::numbered(&path, 2), [("alice", 1), ("bob", 2)]);
    written(&file::numbered(&path, 1), [("alice", 3), ("bob", 5)]);
    written(&path, [("alice", 4), ("bob", 6)]);
    let ask = |query: Query, most| {
        let found = newest(&path, &query, most).expect("it can be read");
        let seconds = found.records.iter().map(|(record, _)| record.time.as_second());
        (seconds.collect::<Vec<_>>(), found.is_more)
    };
    let second = |second| Some(Timestamp::from_second(second).expect("a time"));
    assert_eq!(ask(Query::default(), 10), (vec![1, 2, 3, 4, 5, 6], false));
    assert_eq!(ask(Query::default(), 3), (vec![4, 5, 6], true));
    assert_eq!(ask(Query { user: Some("alice".to_owned()), ..Query::default() }, 3), (vec![1, 3, 4], false));
    assert_eq!(ask(Query { since: second(3), until: second(6), ..Query::default() }, 10), (vec![3, 4, 5], false));
    assert_eq!(ask(Query { outcome: Some("failed".to_owned()), ..Query::default() }, 1), (vec![6], true));
    assert_eq!(ask(Query { outcome: Some("ok".to_owned()), ..Query::default() }, 1), (vec![], false));
    assert_eq!(ask(Query { tool: Some("echo".to_owned()), ..Query::default() }, 1), (vec![], false));
}

#[test]
fn damaged_lines_are_named_and_passed_over() {
    let (_dir, path) = place();
    written(&path, [("alice", 1)]);
    let good = fs::read_to_string(&path).expect("it is there");
    fs::write(&path, format!("{good}{}\n\u{0}\n{good}{}", &good[..20], &good[..30])).expect("the folder is ours");
    let found = newest(&path, &Query::default(), 10).expect("it can be read");
    assert_eq!(found.records.len(), 2);
    assert_eq!(found.damaged.iter().map(|damaged| damaged.line).collect::<Vec<_>>(), [2, 3, 5]);
    let nowhere = newest(&path.with_file_name("other.jsonl"), &Query::default(), 10).expect("nothing is no error");
    assert!(nowhere.records.is_empty());
}
