use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolcell_sdk::{ToolError, postgres};

use crate::{DATABASE, catalog};

/// Tables that are described at once: a schema of more is asked for by a part of their names.
const MAX_TABLES: u32 = 100;

/// One row for each table, with its columns and keys as `jsonb`.
const TABLES: &str = "SELECT c.relname::text AS name, CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN \
    'materialized_view' WHEN 'p' THEN 'partitioned_table' WHEN 'f' THEN 'foreign_table' ELSE 'table' END AS kind, \
    obj_description(c.oid, 'pg_class') AS comment, CASE WHEN c.reltuples >= 0 AND c.relkind <> 'v' \
    THEN c.reltuples::int8 END AS estimated_rows, \
    (SELECT coalesce(jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), \
    'nullable', NOT a.attnotnull, 'comment', col_description(c.oid, a.attnum)) ORDER BY a.attnum), '[]') \
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
    AND has_column_privilege(c.oid, a.attnum, 'SELECT')) AS columns, \
    (SELECT coalesce(jsonb_agg(a.attname ORDER BY k.n), '[]') FROM pg_constraint p, \
    unnest(p.conkey) WITH ORDINALITY k (num, n), pg_attribute a WHERE p.conrelid = c.oid AND p.contype = 'p' \
    AND a.attrelid = c.oid AND a.attnum = k.num) AS primary_key, \
    (SELECT coalesce(jsonb_agg(jsonb_build_object('columns', \
    ARRAY(SELECT a.attname FROM unnest(f.conkey) WITH ORDINALITY k (num, n), pg_attribute a \
    WHERE a.attrelid = f.conrelid AND a.attnum = k.num ORDER BY k.n), 'schema', s.nspname, 'table', t.relname, \
    'referenced_columns', ARRAY(SELECT a.attname FROM unnest(f.confkey) WITH ORDINALITY k (num, n), pg_attribute a \
    WHERE a.attrelid = f.confrelid AND a.attnum = k.num ORDER BY k.n)) ORDER BY f.conname), '[]') \
    FROM pg_constraint f, pg_class t, pg_namespace s WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.conparentid = 0 \
    AND t.oid = f.confrelid AND s.oid = t.relnamespace) AS foreign_keys \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition \
    AND has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT') \
    AND strpos(lower(c.relname), lower($2)) > 0 ORDER BY c.relname";

/// Describes the tables and views of one schema of the team's PostgreSQL read replica (the database that the operator
/// configured as `replica`). Use it before `query_replica` to write SQL with names that exist. Reads the database's
/// catalogue, never a row of a table. Returns for each table its columns with types, NULL and comments, primary and
/// foreign keys, and roughly how many rows: of the tables that the replica's role may read, at most 100 in the order of
/// their names; partitions are left out, the partitioned table is there. A schema without tables is a result with a
/// `hint`, not an error. Fails with `unknown_schema` (with the schemas there are) or a `database_` code such as
/// `database_unreachable`, `database_login` or `database_not_configured`; it changes nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DescribeTables {
    /// The name of the schema as the database has it, without quotes.
    #[serde(default = "public")]
    #[schemars(length(min = 1, max = 63), extend("examples" = ["public", "sales"]))]
    schema: String,
    /// Only tables with this text in their names, in capital or small letters. Empty describes all.
    #[serde(default)]
    #[schemars(length(max = 63), extend("examples" = ["order"]))]
    name_contains: String,
}

fn public() -> String {
    "public".to_owned()
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Described {
    /// The schema that these tables are in.
    schema: String,
    /// The tables and views, in the order of their names.
    tables: Vec<Table>,
    /// How many tables these are.
    table_count: usize,
    /// Whether the schema has more of them.
    truncated: bool,
    /// What to try when there are no tables, or more than these.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Table {
    /// The name, without quotes.
    name: String,
    kind: Kind,
    /// What its owner says about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    /// How many rows the database's statistics count. Absent for a view, and where nothing was counted yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_rows: Option<u64>,
    /// The columns that may be read, in the table's order.
    columns: Vec<Column>,
    /// The columns of the primary key, in its order. Empty where there is none.
    primary_key: Vec<String>,
    foreign_keys: Vec<ForeignKey>,
}

/// What it is that can be read like a table.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Table,
    PartitionedTable,
    View,
    MaterializedView,
    ForeignTable,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Column {
    /// The name, without quotes.
    name: String,
    /// The type, for example `numeric(12,2)` or `timestamp with time zone`.
    #[serde(rename = "type")]
    type_name: String,
    /// Whether it can be NULL.
    nullable: bool,
    /// What its owner says about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

/// Columns whose values are those of a row in another table.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct ForeignKey {
    /// Columns of this table.
    columns: Vec<String>,
    /// The schema of the other table.
    schema: String,
    /// The other table.
    table: String,
    /// The columns there, in the order of `columns`.
    referenced_columns: Vec<String>,
}

pub(crate) fn describe_tables(
    DescribeTables { schema, name_contains }: DescribeTables,
) -> Result<Described, ToolError> {
    let query = postgres::query(DATABASE, TABLES).bind(schema.as_str()).bind(name_contains.as_str());
    let rows = query.max_rows(MAX_TABLES).run()?;
    let tables: Vec<Table> = rows.typed()?;
    let hint = if tables.is_empty() {
        Some(nothing(&schema, &name_contains)?)
    } else {
        rows.truncated.then(|| "There are more tables: narrow by `name_contains`.".to_owned())
    };
    Ok(Described { schema, table_count: tables.len(), tables, truncated: rows.truncated, hint })
}

/// What to try where nothing is found; an error where there is no such schema.
fn nothing(schema: &str, name_contains: &str) -> Result<String, ToolError> {
    let schemas = catalog::schemas()?;
    let others: Vec<_> =
        schemas.iter().filter(|it| it.tables > 0 && it.name != schema).map(|it| it.name.as_str()).collect();
    match schemas.iter().find(|it| it.name == schema) {
        Some(it) if it.tables > 0 => {
            Ok(format!("No table has `{name_contains}` in its name; without `name_contains` there are {}.", it.tables))
        }
        Some(_) if others.is_empty() => Ok("The replica's role may read no table of any schema.".to_owned()),
        Some(_) => Ok(format!("No table of this schema may be read. Schemas with tables: {}.", list(&others))),
        None => Err(unknown_schema(schema, &others)),
    }
}

fn unknown_schema(schema: &str, others: &[&str]) -> ToolError {
    let nearest = catalog::names_like(schema, others.iter().copied());
    let check = match (nearest.as_slice(), others) {
        ([], []) => {
            "Ask the operator what the replica's role was granted: it may read no table of any schema.".to_owned()
        }
        ([], others) => format!("Use one of the schemas with tables: {}.", list(others)),
        (nearest, _) => format!("Whether this is meant: {}.", nearest.join(", ")),
    };
    ToolError::new("unknown_schema", format!("there is no schema `{schema}` that the replica's role may use"))
        .cause("the name is misspelt, or written with quotes or in other letters than the database has")
        .cause("the role was not granted USAGE of it")
        .check_first(check)
}

/// The first names, so that a database of hundreds of schemas does not fill an error.
fn list(names: &[&str]) -> String {
    const SHOWN: usize = 10;
    let shown = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown} and {} more", names.len() - SHOWN) } else { shown }
}

#[cfg(test)]
mod tests;
