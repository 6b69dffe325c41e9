use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::ToolError;
use crate::bindings::toolcell::plugin::postgres as contract;

use super::row::Row;

/// What a statement returned.
#[derive(Debug)]
pub struct Rows {
    /// What each value of a row is, in their order.
    pub columns: Vec<Column>,
    /// Whether there were more rows than asked for, or than the size of an answer allows.
    pub truncated: bool,
    json: Vec<String>,
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name, which need not be unique.
    pub name: String,
    /// The type as PostgreSQL names it, for example `int4` or `timestamptz`; arrays end in `[]`.
    pub type_name: String,
}

impl Rows {
    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.json.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.json.is_empty()
    }

    /// Each row as a `T`: a struct by the names of the columns, a tuple or a `Vec<Value>` by their order.
    ///
    /// # Errors
    ///
    /// `unexpected_row` when a row is no `T`, with the columns that there are.
    pub fn typed<T: DeserializeOwned>(&self) -> Result<Vec<T>, ToolError> {
        let row = |json: &String| T::deserialize(Row { columns: &self.columns, json });
        self.json.iter().map(row).collect::<Result<_, _>>().map_err(|error| unexpected(&self.columns, &error))
    }

    /// Each row as the JSON array that the host wrote, with every digit of its numbers.
    ///
    /// # Errors
    ///
    /// `unexpected_row` when it is not JSON.
    pub fn into_raw(self) -> Result<Vec<Box<RawValue>>, ToolError> {
        let raw = self.json.into_iter().map(RawValue::from_string);
        raw.collect::<Result<_, _>>().map_err(|error| unexpected(&self.columns, &error))
    }
}

impl From<contract::Rows> for Rows {
    fn from(rows: contract::Rows) -> Self {
        let columns = rows.columns.into_iter().map(|column| Column { name: column.name, type_name: column.type_name });
        Self { columns: columns.collect(), truncated: rows.truncated, json: rows.rows }
    }
}

fn unexpected(columns: &[Column], error: &serde_json::Error) -> ToolError {
    let columns: Vec<_> = columns.iter().map(|Column { name, type_name }| format!("{name} {type_name}")).collect();
    ToolError::new("unexpected_row", format!("a row is not what the plugin expects: {error}"))
        .cause(format!("the columns are others than the plugin expects; they are: {}", columns.join(", ")))
        .cause("a value is NULL where the plugin expects one")
        .check_first("Report it to the author of the plugin.")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct User {
        name: String,
        id: i64,
        age: Option<u8>,
    }

    fn users(rows: &[&str]) -> Rows {
        let columns = [("id", "int8"), ("name", "text"), ("age", "int2")];
        let column = |(name, kind): (&str, &str)| Column { name: name.to_owned(), type_name: kind.to_owned() };
        Rows {
            columns: columns.map(column).to_vec(),
            truncated: false,
            json: rows.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_row_is_a_struct_by_names_and_a_tuple_by_order() {
        let rows = users(&[r#"[1,"Ada",36]"#, r#"[2,"Bob",null]"#]);
        let ada = User { id: 1, name: "Ada".into(), age: Some(36) };
        assert_eq!(rows.typed::<User>().unwrap(), [ada, User { id: 2, name: "Bob".into(), age: None }]);
        let tuples: Vec<(i64, String, Option<u8>)> = rows.typed().unwrap();
        assert_eq!(tuples[1], (2, "Bob".to_owned(), None));
        assert_eq!(rows.typed::<Vec<Value>>().unwrap()[0], [json!(1), json!("Ada"), json!(36)]);
        assert_eq!(rows.typed::<Value>().unwrap()[1], json!([2, "Bob", null]));
        assert_eq!((rows.len(), rows.is_empty()), (2, false));
    }

    #[test]
    fn digits_survive_where_they_are_wanted() {
        let rows = users(&["[12345678901234567890123,0.10,1e400]"]);
        assert_eq!(rows.typed::<Vec<Box<RawValue>>>().unwrap()[0][0].get(), "12345678901234567890123");
        assert_eq!(rows.into_raw().unwrap()[0].get(), "[12345678901234567890123,0.10,1e400]");
    }

    #[test]
    fn a_row_of_another_shape_is_told_with_the_columns() {
        let shapes = ["[1,null,36]", r#"[1,"Ada"]"#, r#"[1,"Ada",36,0]"#, r#"[1,"Ada",300]"#, "{}", "[1"];
        for row in shapes {
            let error = users(&[row]).typed::<User>().unwrap_err();
            assert_eq!(error.code, "unexpected_row", "{row}");
            assert!(error.likely_causes[0].ends_with("id int8, name text, age int2"), "{error:?}");
        }
        let error = users(&["[1,null,36]"]).typed::<User>().unwrap_err();
        assert!(error.message.contains("invalid type: null, expected a string"), "{error}");
        assert_eq!(users(&["[1"]).into_raw().unwrap_err().code, "unexpected_row");
    }
}
