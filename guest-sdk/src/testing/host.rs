//! The host's side of [`crate::host`], natively: it records, and answers what a test has prepared.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env::VarError;
use std::mem;

use crate::ToolError;
use crate::bindings::toolcell::plugin::http::{Request, Response};
use crate::bindings::toolcell::plugin::postgres::{Query, Rows};
use crate::log::Level;

use super::Progress;
use super::{http, postgres};

thread_local! {
    static LOGS: RefCell<Vec<(Level, String)>> = const { RefCell::new(vec![]) };
    static PROGRESS: RefCell<Vec<Progress>> = const { RefCell::new(vec![]) };
    static VARIABLES: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
}

pub(crate) fn send(request: &Request) -> Result<Response, ToolError> {
    http::send(request)
}

pub(crate) fn run(query: &Query) -> Result<Rows, crate::postgres::Error> {
    postgres::run(query)
}

pub(crate) fn log(level: Level, message: &str) {
    LOGS.with_borrow_mut(|lines| lines.push((level, message.to_owned())));
}

pub(crate) fn report(done: f64, total: Option<f64>, message: Option<&str>) {
    let message = message.map(str::to_owned);
    PROGRESS.with_borrow_mut(|reports| reports.push(Progress { done, total, message }));
}

pub(crate) fn variable(name: &str) -> Result<String, VarError> {
    VARIABLES.with_borrow(|variables| variables.get(name).cloned().ok_or(VarError::NotPresent))
}

pub(super) fn set_variable(name: &str, value: Option<&str>) {
    VARIABLES.with_borrow_mut(|variables| match value {
        Some(value) => variables.insert(name.to_owned(), value.to_owned()),
        None => variables.remove(name),
    });
}

pub(super) fn take_logs() -> Vec<(Level, String)> {
    LOGS.with_borrow_mut(mem::take)
}

pub(super) fn take_progress() -> Vec<Progress> {
    PROGRESS.with_borrow_mut(mem::take)
}
