//! The names that a database has, for errors about names that it has not.

use serde::Deserialize;
use toolcell_sdk::{ToolError, postgres};

use crate::{DATABASE, statement};

/// Names that are suggested.
const SUGGESTED: usize = 3;

/// Below this likeness, two names share little but some letters.
const ALIKE: f64 = 0.7;

/// Names that are read to find the nearest: more than most databases have.
const MAX_READ: u32 = 5_000;

/// The columns of the tables that a statement names.
pub(crate) const COLUMNS: &str = "SELECT a.attname::text, quote_ident(a.attname), quote_ident(c.relname) \
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relname = ANY ($1::text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 \
    AND NOT a.attisdropped AND n.nspname !~ '^(pg_|information_schema$)' \
    AND has_column_privilege(c.oid, a.attnum, 'SELECT') ORDER BY c.oid, a.attnum";

/// Every table, view and the like that may be read, and how to write its name.
pub(crate) const TABLES: &str = "SELECT n.nspname::text, c.relname::text, CASE WHEN pg_table_is_visible(c.oid) \
    THEN quote_ident(c.relname) ELSE quote_ident(n.nspname) || '.' || quote_ident(c.relname) END \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition \
    AND n.nspname !~ '^(pg_|information_schema$)' AND has_schema_privilege(n.oid, 'USAGE') \
    AND has_any_column_privilege(c.oid, 'SELECT') ORDER BY 1, 2";

/// Every schema that may be used, and how many tables of it may be read.
pub(crate) const SCHEMAS: &str = "SELECT n.nspname::text AS name, count(c.oid) AS tables \
    FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
    AND NOT c.relispartition AND has_any_column_privilege(c.oid, 'SELECT') \
    WHERE n.nspname !~ '^(pg_|information_schema$)' AND has_schema_privilege(n.oid, 'USAGE') GROUP BY 1 ORDER BY 1";

/// A schema that may be used.
#[derive(Debug, Deserialize)]
pub(crate) struct Schema {
    pub(crate) name: String,
    /// How many of its tables may be read.
    pub(crate) tables: u64,
}

/// The columns most like this one in the tables that a statement names, as they are written, each with its table.
/// None where the database does not tell: the error that wants to know is older.
pub(crate) fn columns_like(column: &str, sql: &str) -> Vec<String> {
    let query = postgres::query(DATABASE, COLUMNS).bind(statement::names(sql)).max_rows(MAX_READ);
    let Some(known) = query.run().ok().and_then(|rows| rows.typed::<(String, String, String)>().ok()) else {
        return vec![];
    };
    let known = known.into_iter();
    nearest(known.map(|(name, written, table)| (likeness(column, &name), format!("`{written}` ({table})"))))
}

/// The tables most like this one, as they are written in a statement. None where the database does not tell.
pub(crate) fn tables_like(schema: Option<&str>, table: &str) -> Vec<String> {
    let query = postgres::query(DATABASE, TABLES).max_rows(MAX_READ);
    let Some(known) = query.run().ok().and_then(|rows| rows.typed::<(String, String, String)>().ok()) else {
        return vec![];
    };
    let score = |in_schema: &str, name: &str| match schema {
        // A table's own name says more than where it is.
        Some(schema) => (3.0 * likeness(table, name) + likeness(schema, in_schema)) / 4.0,
        None => likeness(table, name),
    };
    let known = known.into_iter();
    nearest(known.map(|(schema, name, written)| (score(&schema, &name), format!("`{written}`"))))
}

/// The schemas that may be used.
pub(crate) fn schemas() -> Result<Vec<Schema>, ToolError> {
    postgres::query(DATABASE, SCHEMAS).run()?.typed()
}

/// The names most like this one.
pub(crate) fn names_like<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    nearest(known.into_iter().map(|known| (likeness(name, known), format!("`{known}`"))))
}

/// From 0 to 1. Capital letters are no difference, and a name within another is like it: `name` and `full_name`.
fn likeness(written: &str, known: &str) -> f64 {
    let (written, known) = (written.to_lowercase(), known.to_lowercase());
    let likeness = strsim::jaro_winkler(&written, &known);
    let within = |a: &str, b: &str| a.len() > 1 && b.contains(a);
    if within(&written, &known) || within(&known, &written) { likeness.max(0.9) } else { likeness }
}

fn nearest(scored: impl Iterator<Item = (f64, String)>) -> Vec<String> {
    let mut alike: Vec<_> = scored.filter(|(score, _)| *score > ALIKE).collect();
    alike.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let mut names: Vec<String> = Vec::new();
    for (_, name) in alike {
        if names.len() < SUGGESTED && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use toolcell_sdk::testing;

    use super::*;

    const TEXTS: [(&str, &str); 3] = [("a", "text"), ("b", "text"), ("c", "text")];

    fn tables() -> Value {
        json!([
            ["public", "users", "users"],
            ["public", "orders_2025", "orders_2025"],
            ["sales", "orders", "sales.orders"],
            ["sales", "Totals", "sales.\"Totals\""],
        ])
    }

    #[test]
    fn the_nearest_columns_come_first_and_are_quoted_where_they_have_to_be() {
        let sql = "SELECT emial, createdAt, name FROM users";
        let rows = json!([
            ["id", "id", "users"],
            ["email", "email", "users"],
            ["createdAt", "\"createdAt\"", "users"],
            ["full_name", "full_name", "users"],
        ]);
        let expected =
            [("emial", "`email` (users)"), ("createdat", "`\"createdAt\"` (users)"), ("name", "`full_name` (users)")];
        for (written, nearest) in expected {
            let names = json!(["select", "emial", "createdat", "name", "from", "users"]);
            let _replica =
                testing::postgres().answer("replica", COLUMNS, json!([names]), &TEXTS, rows.clone()).install();
            assert_eq!(columns_like(written, sql)[0], nearest, "{written}");
        }
    }

    #[test]
    fn a_table_is_found_by_its_slip_and_in_another_schema() {
        let cases = [
            (None, "usrs", vec!["`users`"]),
            (None, "orders", vec!["`sales.orders`", "`orders_2025`"]),
            (Some("sale"), "orders", vec!["`sales.orders`", "`orders_2025`"]),
            (Some("sales"), "totals", vec!["`sales.\"Totals\"`"]),
            (None, "weather", vec![]),
        ];
        for (schema, table, nearest) in cases {
            let _replica = testing::postgres().answer("replica", TABLES, json!([]), &TEXTS, tables()).install();
            assert_eq!(tables_like(schema, table), nearest, "{table}");
        }
    }

    #[test]
    fn no_names_come_of_a_database_that_does_not_answer() {
        let down = || postgres::Error { failure: ToolError::new("database_unreachable", "down"), refusal: None };
        let _replica = testing::postgres()
            .fail("replica", TABLES, json!([]), down())
            .fail("replica", COLUMNS, json!([["x"]]), down())
            .install();
        assert!(tables_like(None, "users").is_empty());
        assert!(columns_like("email", "x").is_empty());
    }

    #[test]
    fn at_most_three_names_are_suggested_once_each() {
        let known = ["user_a", "user_b", "user_b", "user_c", "user_d"];
        assert_eq!(names_like("user_b", known), ["`user_b`", "`user_a`", "`user_c`"]);
    }
}
