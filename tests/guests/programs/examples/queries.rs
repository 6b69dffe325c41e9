//! Asks databases through the contract's `postgres`.

use toolcell_test_programs::{Answer, ToolError, Value, json, plugin, postgres, structured, text, tool};

plugin!(
    tool(
        "queries",
        "Runs `sql` with `parameters` on `database` (replica), `times` (1) times, for `max_rows` (100) rows. A failure is \
         passed on; `catch` answers with it, `swallow` hides it, `crash` panics. With `raw` the rows are text as they came, \
         with `brief` only their number."
    ),
    queries
);

fn queries(arguments: &Value) -> Answer {
    let times = arguments["times"].as_u64().unwrap_or(1);
    let mut last = None;
    for _ in 0..times {
        match postgres::run(&query(arguments)) {
            Ok(rows) => last = Some(rows),
            Err(_) if arguments["crash"] == true => panic!("no answer"),
            Err(_) if arguments["swallow"] == true => return text("nothing found"),
            Err(error) if arguments["catch"] == true => return structured(caught(&error)),
            Err(error) => return Err(Box::new(passed_on(error))),
        }
    }
    let Some(rows) = last else { return text("nothing asked") };
    if arguments["raw"] == true {
        return text(rows.rows.join("\n"));
    }
    if arguments["brief"] == true {
        return structured(json!({"rows": rows.rows.len(), "truncated": rows.truncated}));
    }
    let columns: Vec<_> = rows.columns.iter().map(|column| json!([column.name, column.type_name])).collect();
    // As text, so that every digit stays as it is.
    structured(format!(
        "{{\"columns\":{},\"rows\":[{}],\"truncated\":{}}}",
        Value::from(columns),
        rows.rows.join(","),
        rows.truncated
    ))
}

fn query(arguments: &Value) -> postgres::Query {
    postgres::Query {
        database: arguments["database"].as_str().unwrap_or("replica").to_owned(),
        sql: arguments["sql"].as_str().unwrap_or_default().to_owned(),
        parameters: arguments["parameters"].as_array().into_iter().flatten().map(Value::to_string).collect(),
        max_rows: arguments["max_rows"].as_u64().and_then(|rows| u32::try_from(rows).ok()).unwrap_or(100),
        extra: None,
    }
}

fn caught(error: &postgres::Error) -> Value {
    let refusal = error.refusal.as_ref().map(|refusal| {
        json!({
            "sqlstate": refusal.sqlstate,
            "message": refusal.message,
            "detail": refusal.detail,
            "hint": refusal.hint,
            "position": refusal.position,
        })
    });
    let failure = &error.failure;
    json!({
        "code": failure.code,
        "message": failure.message,
        "check_first": failure.check_first,
        "retryable": failure.retryable,
        "refusal": refusal,
    })
}

fn passed_on(error: postgres::Error) -> ToolError {
    let failure = error.failure;
    ToolError {
        code: failure.code,
        message: failure.message,
        likely_causes: failure.likely_causes,
        check_first: Some(failure.check_first),
        retryable: failure.retryable,
        extra: None,
    }
}
