//! What to tell of a statement that has no rows: what is wrong with it, and what to write instead.
//!
//! Where the database was not reached the host's words say it all: they know server, port and variable.

use toolcell_sdk::ToolError;
use toolcell_sdk::postgres::{Error, Refusal};

use crate::{catalog, statement};

/// Characters of a detail or hint of the database's that are shown.
const MAX_SAID: usize = 120;

/// The error that a model reads, by what the database said (PostgreSQL's appendix A).
pub(crate) fn explain(error: Error, sql: &str) -> ToolError {
    let Error { failure, refusal } = error;
    let Some(refusal) = refusal else {
        return match failure.code.as_str() {
            // Whatever returns no rows is refused before the database reads it.
            "database_refused" => read_only(&failure),
            "database_timeout" => too_slow(failure),
            "invalid_query" => unusable(failure),
            _ => failure,
        };
    };
    if failure.code == "database_timeout" {
        return too_slow(failure);
    }
    let message = told(&failure, &refusal, sql);
    match refusal.sqlstate.as_str() {
        "42703" => unknown_column(message, &refusal, sql),
        "42P01" => unknown_table(message, &refusal, sql),
        "42601" if refusal.position.is_some() => syntax_error(message),
        "42601" => several_statements(message),
        "42501" => permission_denied(message),
        "25006" => read_only(&failure),
        "40001" => replica_conflict(message),
        _ => ToolError { message, ..failure },
    }
}

/// The host's words, with what else the database said and what stands in the statement where it points to.
fn told(failure: &ToolError, refusal: &Refusal, sql: &str) -> String {
    let detail = refusal.detail.as_ref().map(|detail| excerpt(detail.trim_end_matches('.')));
    let around = refusal.position.map(|position| statement::around(sql, position));
    let said = failure.message.trim_end_matches('.').to_owned();
    [Some(said), detail, around].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn unknown_column(message: String, refusal: &Refusal, sql: &str) -> ToolError {
    let name = named(refusal, sql);
    let nearest = name.last().map(|column| catalog::columns_like(column, sql)).unwrap_or_default();
    ToolError::new("unknown_column", message)
        .cause("the name is misspelt, or the column belongs to another table")
        .cause("a name with capital letters is written without double quotes")
        .check_first(instead(&nearest, refusal, "`describe_tables` has the columns of each table."))
}

fn unknown_table(message: String, refusal: &Refusal, sql: &str) -> ToolError {
    let name = named(refusal, sql);
    // `SELECT u.id FROM users` has a column at its position, and the database speaks of `u` alone.
    if !name.is_empty() && !refusal.message.contains(&name.join(".")) {
        let mend = format!("Put `{}` into FROM, or use the alias that is there.", name[0]);
        return ToolError::new("unknown_table", message)
            .cause("the table is missing in FROM")
            .cause("FROM gives the table an alias, and only the alias counts")
            .check_first(instead(&[], refusal, &mend));
    }
    let (table, schema) = (name.last(), name.iter().rev().nth(1));
    let nearest = table.map(|table| catalog::tables_like(schema.map(String::as_str), table)).unwrap_or_default();
    ToolError::new("unknown_table", message)
        .cause("the name is misspelt")
        .cause("the table is in another schema, which has to be written before its name")
        .cause("a name with capital letters is written without double quotes")
        .check_first(instead(&nearest, refusal, "`describe_tables` has the tables of each schema."))
}

fn syntax_error(message: String) -> ToolError {
    ToolError::new("syntax_error", message)
        .cause("a keyword, comma, quote or bracket is missing or misspelt there or shortly before")
        .cause("it is the SQL of another database: this is PostgreSQL")
        .check_first("Correct the statement there and call again.")
}

/// The one error of syntax that has no place.
fn several_statements(message: String) -> ToolError {
    ToolError::new("syntax_error", message)
        .cause("there is more than one statement, and a call takes one")
        .check_first("Call once for each statement, or write them as one, as by UNION or WITH.")
}

fn permission_denied(message: String) -> ToolError {
    ToolError::new("permission_denied", message)
        .cause("the role that reads the replica was not granted SELECT there, or USAGE of the schema")
        .cause("the statement does more than read rows, such as COPY or SET ROLE")
        .check_first(
            "Call `describe_tables` for what may be read. If this has to be read, too, a person who owns it can GRANT SELECT.",
        )
}

fn read_only(failure: &ToolError) -> ToolError {
    ToolError::new("read_only", format!("nothing was changed: {}", failure.message))
        .cause("the statement writes, creates something, locks rows, or sets up a session or transaction")
        .cause("`query_replica` is for reading: nothing else is allowed here, whatever the statement says")
        .check_first(
            "Write it as a SELECT that reads. Where a change is wanted, tell the user: a person makes it elsewhere.",
        )
}

fn replica_conflict(message: String) -> ToolError {
    ToolError::new("replica_conflict", message)
        .cause("the primary changed or removed what the statement was still reading, and the replica had to follow")
        .cause("the statement ran for longer than `max_standby_streaming_delay` of the replica allows")
        .check_first("Call again, with a narrower WHERE so that it takes less time.")
        .retryable()
}

/// The host says how long it took; what can be done about it is the statement's.
fn too_slow(failure: ToolError) -> ToolError {
    ToolError {
        likely_causes: vec![
            "it reads a large table by a condition that no index fits".to_owned(),
            "it sorts, joins or counts everything before LIMIT can end it".to_owned(),
            "the replica is busy, or waits for a lock".to_owned(),
        ],
        check_first: Some(
            "Narrow the WHERE to indexed columns or a shorter time, add a LIMIT, and see the plan with EXPLAIN before \
             running it again."
                .to_owned(),
        ),
        ..failure
    }
}

/// The host says what it did not take; this plugin passes nothing on but the statement.
fn unusable(failure: ToolError) -> ToolError {
    ToolError {
        likely_causes: vec![
            "the statement has parameters such as $1, and this tool takes none".to_owned(),
            "a column holds long texts, documents or files".to_owned(),
        ],
        check_first: Some(
            "Write values into the statement itself, and select few columns or parts of them, as by left(body, 1000)."
                .to_owned(),
        ),
        ..failure
    }
}

fn named(refusal: &Refusal, sql: &str) -> Vec<String> {
    refusal.position.map(|position| statement::name_at(sql, position)).unwrap_or_default()
}

/// The nearest names, else what the database suggests, and where all of them are.
fn instead(nearest: &[String], refusal: &Refusal, all: &str) -> String {
    match (nearest, &refusal.hint) {
        ([], None) => all.to_owned(),
        ([], Some(hint)) => format!("{} {all}", excerpt(hint)),
        ([one], _) => format!("Whether {one} is meant; {all}"),
        (some, _) => format!("Whether one of these is meant: {}; {all}", some.join(", ")),
    }
}

fn excerpt(text: &str) -> String {
    match text.char_indices().nth(MAX_SAID) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
