use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{failure::Failure, outcome::Output, receipt::Receipt, user::User};

fn call(name: &str) -> Arc<ObservedCall> {
    Arc::new(ObservedCall {
        id: CallId::next(),
        user: User::local(),
        name: name.to_owned(),
        tool: None,
        arguments: Arc::new(json!({"secret": "s3cr3t"})),
        arrived: SystemTime::now(),
        trace: None,
        cancel: CancellationToken::new(),
    })
}

fn outcome(call: &ObservedCall, result: Result<Output, Failure>) -> Outcome {
    Outcome { result, receipt: Receipt::new(call.id) }
}

#[test]
fn the_oldest_failures_make_room() {
    let record = Record::new(3);
    let calls: Vec<_> = (0..5).map(|number| call(&format!("t{number}"))).collect();
    for call in &calls {
        record.arrived(call);
        record.ended(call, &outcome(call, Err(Failure::StackOverflow)));
    }
    let kept = record.kept();
    let tools: Vec<_> = kept.failures.iter().map(|failed| failed.tool.as_str()).collect();
    assert_eq!(tools, ["t2", "t3", "t4"]);
    assert_eq!((kept.calls, kept.failed), (5, 5));
    assert!(kept.failed_call(&calls[0].id.to_string()).is_none());
    assert_eq!(kept.failed_call(&calls[4].id.to_string()).expect("it is kept").explanation.code, "stack_overflow");
}

#[test]
fn calls_are_live_from_arrival_to_end_or_until_nobody_waits_for_them() {
    let record = Record::new(1);
    let (ends, dropped) = (call("ends"), call("dropped"));
    record.arrived(&ends);
    record.arrived(&dropped);
    let names = || record.kept().live().into_iter().map(|(call, _)| call.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(), ["ends", "dropped"]);
    assert!(record.kept().live_call(&ends.id.to_string()).is_some());
    record.ended(&ends, &outcome(&ends, Ok(Output::default())));
    drop(dropped);
    assert!(names().is_empty());
    assert!(record.kept().live_call(&ends.id.to_string()).is_none());
}

#[test]
fn calls_under_way_are_bounded() {
    let record = Record::new(1);
    let calls: Vec<_> = (0..=MAX_LIVE).map(|_| call("t")).collect();
    for call in &calls {
        record.arrived(call);
    }
    assert_eq!(record.kept().live().len(), MAX_LIVE);
    drop(calls);
    // Those that nobody waits for any more make room.
    let next = call("next");
    record.arrived(&next);
    assert_eq!(record.kept().live().len(), 1);
    assert_eq!(record.kept().live.len(), 1);
}

#[test]
fn neither_arguments_nor_answers_are_kept() {
    let record = Record::new(1);
    let call = call("t");
    record.arrived(&call);
    record.ended(&call, &outcome(&call, Err(Failure::StackOverflow)));
    drop(call);
    assert!(!format!("{record:?}").contains("s3cr3t"));
}

#[test]
fn news_is_told_at_arrival_and_at_the_end() {
    let record = Record::new(1);
    let mut news = record.news();
    let call = call("t");
    record.arrived(&call);
    assert!(news.has_changed().expect("the record is there"));
    news.mark_unchanged();
    record.ended(&call, &outcome(&call, Ok(Output::default())));
    assert!(news.has_changed().expect("the record is there"));
}

#[test]
fn the_chart_has_the_newest_calls_in_its_last_column() {
    let record = Record::new(1);
    let mut kept = record.kept();
    for failed in [false, true, false] {
        kept.count_in(7, failed);
    }
    let shown = |kept: &Kept, newest| {
        let columns = kept.columns_until(newest);
        columns.iter().rposition(|column| *column == Column { answered: 2, failed: 1 })
    };
    assert_eq!(shown(&kept, 7), Some(COLUMNS - 1));
    // A while later they are further left, and then out of sight.
    assert_eq!(shown(&kept, 12), Some(COLUMNS - 6));
    assert_eq!(shown(&kept, 66), Some(0));
    assert_eq!(shown(&kept, 67), None);
    (8..200).for_each(|number| kept.count_in(number, false));
    assert_eq!(kept.columns.len(), COLUMNS);
}

#[test]
fn percentiles_are_those_of_the_nearest_rank() {
    let mut record = ToolRecord::default();
    assert_eq!(record.percentile(50), None);
    for ms in (1..=20).rev() {
        let elapsed = Duration::from_millis(ms);
        let ended = SystemTime::now();
        record.points.push_back(Point { ended, elapsed, computing: elapsed, memory: 0, failed: false });
    }
    assert_eq!(record.percentile(50), Some(Duration::from_millis(10)));
    assert_eq!(record.percentile(95), Some(Duration::from_millis(19)));
    assert_eq!(record.percentile(100), Some(Duration::from_millis(20)));
}
