use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json_path::{JsonPath, ParseError};
use toolcell_sdk::ToolError;

/// How deep the brackets and parentheses of a query may nest. The parser's time doubles with each level, and at 28 levels
/// it overflows the stack of a component.
const MAX_NESTING: usize = 8;

/// Finds values in a JSON document by a `JSONPath` query (RFC 9535). Use it to take a few values out of a large document
/// exactly. Returns each match with its path; no match is a result too, not an error. The functions `length`, `count` and
/// `value` are there, `match` and `search` are not. Reads nothing but its arguments. Fails with `invalid_json` or
/// `invalid_json_path`, saying where in the text.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueryJson {
    /// The JSON document as text, nested at most 127 levels deep.
    json: String,
    /// The `JSONPath` query, for example `$.stories[?@.points > 100].title` or `$..id`.
    #[schemars(length(max = 1000))]
    json_path: String,
    /// The most matches to return. `total` counts the others too.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 1000))]
    max_matches: usize,
}

fn hundred() -> usize {
    100
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Matches {
    /// How many values the query finds in the document.
    total: usize,
    /// The first of them, `max_matches` at most, in the order of the query.
    matches: Vec<Match>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Match {
    /// Where the value is, as a normalized path (RFC 9535, section 2.7).
    path: String,
    /// The value. The members of an object come sorted by name.
    value: Value,
}

pub(crate) fn query_json(QueryJson { json, json_path, max_matches }: QueryJson) -> Result<Matches, ToolError> {
    let document: Value = serde_json::from_str(&json).map_err(|error| {
        ToolError::from(error)
            .cause("the document was cut, or quotes in it were lost on the way")
            .check_first("Correct the argument `json` there; it has to be one complete JSON document.")
    })?;
    if nesting(&json_path) > MAX_NESTING {
        let message = format!("`json_path` nests brackets and parentheses deeper than {MAX_NESTING} levels");
        return Err(ToolError::new("invalid_json_path", message)
            .cause("filters stand within filters")
            .check_first("Split the query into simpler ones."));
    }
    let query = JsonPath::parse(&json_path).map_err(|error| invalid_path(&json_path, &error))?;
    let found = query.query_located(&document);
    let matches = found
        .iter()
        .take(max_matches)
        .map(|found| Match { path: found.location().to_string(), value: found.node().clone() });
    Ok(Matches { total: found.len(), matches: matches.collect() })
}

/// The deepest nesting in `json_path`. Brackets in quoted names count too: so many of them are not worth a parser.
fn nesting(json_path: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for byte in json_path.bytes() {
        match byte {
            b'[' | b'(' => depth += 1,
            b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn invalid_path(json_path: &str, error: &ParseError) -> ToolError {
    // The parser's position is how many characters it has understood.
    let column = error.position() + 1;
    let message = format!("`{json_path}` is not a JSONPath query: wrong at character {column}: {}", error.message());
    ToolError::new("invalid_json_path", message)
        .cause("the query does not begin with `$`, or a name with special characters is not quoted: $['my name']")
        .check_first("Correct `json_path` there, following RFC 9535.")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const STORIES: &str = r#"{"stories": [{"id": 1, "points": 50}, {"id": 2, "points": 150, "title": "B"}]}"#;

    fn query(json: &str, json_path: &str, max_matches: usize) -> Result<Value, ToolError> {
        let matches = query_json(QueryJson { json: json.into(), json_path: json_path.into(), max_matches })?;
        Ok(serde_json::to_value(matches).unwrap())
    }

    #[test]
    fn matches_come_with_their_normalized_path() {
        assert_eq!(
            query(STORIES, "$.stories[?@.points > 100].title", 10).unwrap(),
            json!({"total": 1, "matches": [{"path": "$['stories'][1]['title']", "value": "B"}]})
        );
    }

    #[test]
    fn functions_of_the_rfc_work() {
        assert_eq!(query(STORIES, "$.stories[?length(@) == 3].id", 10).unwrap()["matches"][0]["value"], 2);
    }

    #[test]
    fn no_match_is_a_result() {
        assert_eq!(query(STORIES, "$.nothing", 10).unwrap(), json!({"total": 0, "matches": []}));
    }

    #[test]
    fn more_matches_than_asked_are_counted() {
        let found = query(STORIES, "$..id", 1).unwrap();
        assert_eq!(found, json!({"total": 2, "matches": [{"path": "$['stories'][0]['id']", "value": 1}]}));
    }

    #[test]
    fn broken_json_is_located() {
        let error = query("{\"a\": 1,\n \"b\" 2}", "$", 10).unwrap_err();
        assert_eq!(error.code, "invalid_json");
        assert!(error.message.ends_with("at line 2 column 6"), "{error}");
        assert!(error.check_first.unwrap().contains("`json`"));
    }

    #[test]
    fn a_broken_query_is_located() {
        let error = query("{}", "$.stories[", 10).unwrap_err();
        assert_eq!(error.code, "invalid_json_path");
        assert!(error.message.contains("`$.stories[` is not a JSONPath query: wrong at character 10: "), "{error}");
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        assert_eq!(query(&deep, "$", 1).unwrap_err().code, "invalid_json");
        for path in ["[?@".repeat(1000), "[?(".repeat(500), "(".repeat(9)] {
            let error = query("{}", &format!("${path}"), 1).unwrap_err();
            assert!(error.message.ends_with("deeper than 8 levels"), "{error}");
        }
        let nested = format!("${}{}", "[?@".repeat(8), "]".repeat(8));
        assert_eq!(query("{}", &nested, 1).unwrap()["total"], 0);
    }
}
