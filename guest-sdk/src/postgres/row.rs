//! One row read by serde: by the names of its columns where names are asked for, and by their order otherwise.

use std::fmt;
use std::slice;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};

use super::Column;

/// A row as it crossed: a JSON array, one value for each column.
pub(super) struct Row<'a> {
    pub(super) columns: &'a [Column],
    pub(super) json: &'a str,
}

impl<'de> Deserializer<'de> for Row<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        complete(self.json, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        complete(self.json, ByName { columns: self.columns, visitor })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.deserialize_map(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct enum identifier ignored_any
    }
}

/// Reads all of the array.
fn complete<'de, V: Visitor<'de>>(json: &'de str, visitor: V) -> Result<V::Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let value = reader.deserialize_seq(visitor)?;
    reader.end()?;
    Ok(value)
}

/// Shows the values of an array as a map from the names of the columns.
struct ByName<'a, V> {
    columns: &'a [Column],
    visitor: V,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for ByName<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a row of {} values", self.columns.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, values: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Named { columns: self.columns.iter(), values })
    }
}

struct Named<'a, A> {
    columns: slice::Iter<'a, Column>,
    values: A,
}

impl<'de, A: SeqAccess<'de>> MapAccess<'de> for Named<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.columns.next().map(|column| seed.deserialize(StrDeserializer::new(&column.name))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        let value = self.values.next_element_seed(seed)?;
        value.ok_or_else(|| A::Error::custom("the row has fewer values than columns"))
    }
}
