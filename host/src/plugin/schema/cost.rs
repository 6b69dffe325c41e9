//! What it takes to hold a value to a schema, known before it is done. The validator runs in the host, outside the limits
//! of a call, and a schema of a few kilobytes can send it through 2^400 steps (subschemas that refer to the next one twice)
//! or deeper than a thread's stack (long chains of `$ref` around a nested value).

use std::collections::{BTreeMap, HashMap};

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::InvalidSchema;

/// Steps that a check may take; far below a second.
const MAX_STEPS: u64 = 4_000_000;
/// Subschemas that may be under way at once. Each takes up to some 2 KiB of the thread's stack of 2 MiB.
const MAX_DEPTH: usize = 384;
/// Patterns of one schema. Compiled, each may take as much memory as [`super::MAX_PATTERN`] says.
const MAX_PATTERNS: usize = 100;
/// Steps for each piece of a string that a pattern is matched against.
const PATTERN_STEPS: u64 = 64;
/// Bytes of a string that make a step.
const PIECE: usize = 16;

/// Why a value is not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TooCostly {
    #[error("too much to check against its schema, which would take more than {MAX_STEPS} steps; send less at once")]
    Steps,
    #[error("too deeply nested to check against its schema, more than {MAX_DEPTH} subschemas deep")]
    Depth,
}

/// The parts of a schema that decide how often which of its subschemas is applied.
#[derive(Debug)]
pub(super) struct Cost {
    /// The root comes first.
    subschemas: Vec<Subschema>,
    /// No value takes more than this for each of its pieces. `None` where the schema refers to itself.
    bound: Option<Bound>,
    patterns: usize,
}

#[derive(Debug, Clone, Copy)]
struct Bound {
    steps: u64,
    depth: usize,
}

#[derive(Debug)]
struct Subschema {
    /// Of its own, for each piece of a value.
    steps: u64,
    /// How often those in `same` are applied: to know what is left unevaluated takes a second look.
    rounds: u64,
    /// Applied to the same value.
    same: Vec<usize>,
    members: BTreeMap<String, usize>,
    any_member: Vec<usize>,
    elements: Vec<usize>,
    any_element: Vec<usize>,
}

impl Default for Subschema {
    fn default() -> Self {
        Self {
            steps: 1,
            rounds: 1,
            same: Vec::new(),
            members: BTreeMap::new(),
            any_member: Vec::new(),
            elements: Vec::new(),
            any_element: Vec::new(),
        }
    }
}

impl Cost {
    /// Of a schema that is otherwise in bounds.
    ///
    /// # Errors
    ///
    /// When the schema refers to something by other means than a path, or to itself for the same value, or has too many
    /// patterns.
    pub(super) fn of(root: &Value) -> Result<Self, InvalidSchema> {
        let (subschemas, patterns) = Reader::read(root)?;
        let mut marks = vec![Mark::New; subschemas.len()];
        for start in 0..subschemas.len() {
            bound(&subschemas, start, |it| it.same.clone(), &mut marks)
                .ok_or_else(|| InvalidSchema("a subschema refers to itself, and so says nothing".to_owned()))?;
        }
        let bound = bound(&subschemas, 0, Subschema::all, &mut vec![Mark::New; subschemas.len()]);
        Ok(Self { subschemas, bound, patterns })
    }

    pub(super) fn patterns(&self) -> usize {
        self.patterns
    }

    /// Whether the value can be checked in time and within the stack.
    pub(super) fn check(&self, value: &Value) -> Result<(), TooCostly> {
        match self.bound {
            Some(Bound { steps, depth })
                if depth <= MAX_DEPTH && steps.saturating_mul(pieces_of_all(value)) <= MAX_STEPS =>
            {
                Ok(())
            }
            _ => self.walk(0, value, 0, pieces, &mut 0),
        }
    }

    /// How many mismatches there can be at most: long strings take long to look at, and make no more of them.
    pub(super) fn mismatches(&self, value: &Value) -> Result<u64, TooCostly> {
        let mut most = 0;
        self.walk(0, value, 0, |_| 1, &mut most)?;
        Ok(most)
    }

    /// Follows the validator and counts its steps, for each subschema as many as `size` says of the value.
    fn walk(
        &self,
        at: usize,
        value: &Value,
        depth: usize,
        size: fn(&Value) -> u64,
        taken: &mut u64,
    ) -> Result<(), TooCostly> {
        let subschema = &self.subschemas[at];
        if depth > MAX_DEPTH {
            return Err(TooCostly::Depth);
        }
        *taken = taken.saturating_add(subschema.steps.saturating_mul(size(value)));
        if *taken > MAX_STEPS {
            return Err(TooCostly::Steps);
        }
        for _ in 0..subschema.rounds {
            subschema.same.iter().try_for_each(|next| self.walk(*next, value, depth + 1, size, taken))?;
        }
        match value {
            Value::Object(members) => members.iter().try_for_each(|(name, member)| {
                let applied = subschema.members.get(name).into_iter().chain(&subschema.any_member);
                applied.into_iter().try_for_each(|next| self.walk(*next, member, depth + 1, size, taken))
            }),
            Value::Array(elements) => elements.iter().enumerate().try_for_each(|(index, element)| {
                let applied = subschema.elements.get(index).into_iter().chain(&subschema.any_element);
                applied.into_iter().try_for_each(|next| self.walk(*next, element, depth + 1, size, taken))
            }),
            _ => Ok(()),
        }
    }
}

impl Subschema {
    fn all(&self) -> Vec<usize> {
        let lists = [&self.same, &self.any_member, &self.elements, &self.any_element];
        lists.into_iter().flatten().chain(self.members.values()).copied().collect()
    }
}

#[derive(Clone, Copy)]
enum Mark {
    New,
    Entered,
    Left(Bound),
}

/// What the subschema and all that it leads to take together; `None` where the way leads back to one that it came from.
fn bound(subschemas: &[Subschema], at: usize, next: fn(&Subschema) -> Vec<usize>, marks: &mut [Mark]) -> Option<Bound> {
    match marks[at] {
        Mark::Left(bound) => return Some(bound),
        Mark::Entered => return None,
        Mark::New => marks[at] = Mark::Entered,
    }
    let mut sum = Bound { steps: 0, depth: 0 };
    for next_at in next(&subschemas[at]) {
        let below = bound(subschemas, next_at, next, marks)?;
        sum = Bound { steps: sum.steps.saturating_add(below.steps), depth: sum.depth.max(below.depth + 1) };
    }
    let Subschema { steps, rounds, .. } = subschemas[at];
    sum.steps = sum.steps.saturating_mul(rounds).saturating_add(steps);
    marks[at] = Mark::Left(sum);
    Some(sum)
}

/// Steps of a value by itself.
fn pieces(value: &Value) -> u64 {
    match value {
        Value::String(text) => 1 + (text.len() / PIECE) as u64,
        Value::Object(members) => 1 + members.keys().map(|name| (name.len() / PIECE) as u64).sum::<u64>(),
        _ => 1,
    }
}

fn pieces_of_all(value: &Value) -> u64 {
    let below = match value {
        Value::Object(members) => members.values().map(pieces_of_all).sum(),
        Value::Array(elements) => elements.iter().map(pieces_of_all).sum(),
        _ => 0,
    };
    pieces(value) + below
}

/// Finds the subschemas, each once.
struct Reader<'a> {
    root: &'a Value,
    found: Vec<&'a Value>,
    /// By address: two subschemas that read the same are two.
    known: HashMap<*const Value, usize>,
    patterns: usize,
}

impl<'a> Reader<'a> {
    fn read(root: &'a Value) -> Result<(Vec<Subschema>, usize), InvalidSchema> {
        let mut reader = Self { root, found: Vec::new(), known: HashMap::new(), patterns: 0 };
        reader.id(root);
        let mut subschemas = Vec::new();
        while let Some(schema) = reader.found.get(subschemas.len()).copied() {
            subschemas.push(reader.subschema(schema, subschemas.is_empty())?);
        }
        Ok((subschemas, reader.patterns))
    }

    fn id(&mut self, schema: &'a Value) -> usize {
        *self.known.entry(std::ptr::from_ref(schema)).or_insert_with(|| {
            self.found.push(schema);
            self.found.len() - 1
        })
    }

    fn ids(&mut self, schemas: impl IntoIterator<Item = &'a Value>) -> Vec<usize> {
        schemas.into_iter().map(|schema| self.id(schema)).collect()
    }

    fn subschema(&mut self, schema: &'a Value, is_root: bool) -> Result<Subschema, InvalidSchema> {
        let mut it = Subschema::default();
        let Value::Object(keywords) = schema else { return Ok(it) };
        for (keyword, value) in keywords {
            match keyword.as_str() {
                "$ref" => it.same.push(self.target(value)?),
                "$dynamicRef" | "$recursiveRef" => {
                    return Err(InvalidSchema(format!("{keyword} is not understood here; write $ref and \"#/…\"")));
                }
                "$id" if !is_root => {
                    return Err(InvalidSchema(
                        "$id stands in a subschema, where \"#/…\" would mean another".to_owned(),
                    ));
                }
                "allOf" | "anyOf" | "oneOf" => it.same.extend(self.ids(value.as_array().into_iter().flatten())),
                "not" | "if" | "then" | "else" => it.same.push(self.id(value)),
                "dependentSchemas" | "dependencies" => it.same.extend(self.ids(members(value).values())),
                "properties" => {
                    it.steps += members(value).len() as u64;
                    it.members.extend(members(value).iter().map(|(name, schema)| (name.clone(), self.id(schema))));
                }
                "patternProperties" => {
                    self.count_patterns(members(value).len())?;
                    it.steps += PATTERN_STEPS * members(value).len() as u64;
                    it.any_member.extend(self.ids(members(value).values()));
                }
                "additionalProperties" | "propertyNames" => it.any_member.push(self.id(value)),
                "unevaluatedProperties" => {
                    it.rounds = 2;
                    it.any_member.push(self.id(value));
                }
                "prefixItems" => it.elements.extend(self.ids(value.as_array().into_iter().flatten())),
                "items" | "contains" => it.any_element.push(self.id(value)),
                "unevaluatedItems" => {
                    it.rounds = 2;
                    it.any_element.push(self.id(value));
                }
                "pattern" => {
                    self.count_patterns(1)?;
                    it.steps += PATTERN_STEPS;
                }
                "$defs" | "definitions" | "title" | "description" | "default" | "examples" => {}
                _ => it.steps += pieces_of_all(value),
            }
        }
        Ok(it)
    }

    fn target(&mut self, reference: &Value) -> Result<usize, InvalidSchema> {
        let pointer = reference.as_str().and_then(|text| text.strip_prefix('#')).map(percent_decode_str);
        let pointer = pointer.and_then(|decoded| decoded.decode_utf8().ok());
        let target = pointer.and_then(|pointer| self.root.pointer(&pointer));
        let target =
            target.ok_or_else(|| InvalidSchema(format!("$ref {reference} leads nowhere; expected \"#/…\"")))?;
        Ok(self.id(target))
    }

    fn count_patterns(&mut self, more: usize) -> Result<(), InvalidSchema> {
        self.patterns += more;
        if self.patterns > MAX_PATTERNS {
            return Err(InvalidSchema(format!("it has more than {MAX_PATTERNS} patterns")));
        }
        Ok(())
    }
}

fn members(value: &Value) -> &Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&NONE)
}
