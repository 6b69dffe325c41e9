//! The type of a value that crosses between JSON and a component: a plain tree, made once when a component is loaded.
//! Schema, arguments and answers are all made by it, so they cannot disagree.

use wasmtime::component::Type;

/// How deeply a type may be nested.
pub(super) const MAX_DEPTH: usize = 32;

/// A type, and what its author says of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    pub(super) kind: Kind,
    /// The type's own documentation, where the component carries it.
    pub(super) docs: Option<String>,
}

/// What values a type has.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Bool,
    Integer(Integer),
    Float32,
    Float64,
    Char,
    String,
    /// A list of `u8`, which is base64 in JSON.
    Bytes,
    List(Box<Shape>),
    Tuple(Vec<Shape>),
    Record(Vec<Field>),
    Variant(Vec<Case>),
    Enum(Vec<Label>),
    Flags(Vec<Label>),
    Option(Box<Shape>),
    Result(Box<Ends>),
}

/// A width and a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Integer {
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
}

/// A name as WIT and as JSON have it, with its documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    /// For example `created-at`.
    pub(super) wit: String,
    /// For example `created_at`.
    pub(super) json: String,
    pub(super) docs: Option<String>,
}

/// A field of a record, or a parameter of a function.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) label: Label,
    pub(super) shape: Shape,
}

/// A case of a variant.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Case {
    pub(super) label: Label,
    pub(super) payload: Option<Shape>,
}

/// What the two ends of a `result` carry, if anything.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ends {
    pub(super) ok: Option<Shape>,
    pub(super) err: Option<Shape>,
}

impl Integer {
    /// The least and the greatest.
    pub(super) fn bounds(self) -> (i128, i128) {
        match self {
            Self::S8 => (i8::MIN.into(), i8::MAX.into()),
            Self::U8 => (u8::MIN.into(), u8::MAX.into()),
            Self::S16 => (i16::MIN.into(), i16::MAX.into()),
            Self::U16 => (u16::MIN.into(), u16::MAX.into()),
            Self::S32 => (i32::MIN.into(), i32::MAX.into()),
            Self::U32 => (u32::MIN.into(), u32::MAX.into()),
            Self::S64 => (i64::MIN.into(), i64::MAX.into()),
            Self::U64 => (u64::MIN.into(), u64::MAX.into()),
        }
    }
}

impl Label {
    pub(super) fn of(wit: &str) -> Self {
        Self { wit: wit.to_owned(), json: snake_case(wit), docs: None }
    }
}

/// `get-HTTP` as `get_http`.
pub(super) fn snake_case(wit: &str) -> String {
    wit.to_ascii_lowercase().replace('-', "_")
}

impl From<Kind> for Shape {
    fn from(kind: Kind) -> Self {
        Self { kind, docs: None }
    }
}

impl Shape {
    pub(super) fn is_option(&self) -> bool {
        matches!(self.kind, Kind::Option(_))
    }

    /// What a person calls it.
    pub(super) fn in_words(&self) -> String {
        match &self.kind {
            Kind::Bool => "true or false".to_owned(),
            Kind::Integer(_) => "a whole number".to_owned(),
            Kind::Float32 | Kind::Float64 => "a number".to_owned(),
            Kind::Char => "one character".to_owned(),
            Kind::String => "text".to_owned(),
            Kind::Bytes => "bytes as base64".to_owned(),
            Kind::List(item) => format!("a list, each {}", item.in_words()),
            Kind::Tuple(items) => format!("a list of {} items", items.len()),
            Kind::Record(_) => "an object".to_owned(),
            Kind::Variant(_) => "one of several alternatives".to_owned(),
            Kind::Enum(_) => "one of several names".to_owned(),
            Kind::Flags(_) => "any of several names".to_owned(),
            Kind::Option(item) => format!("{}, or nothing", item.in_words()),
            Kind::Result(_) => "a success or an error".to_owned(),
        }
    }
}

/// Reads types, up to so many in all: a record of two records of two records, and so on, is small in a component and
/// exponentially large as a tree.
#[derive(Debug)]
pub(super) struct Reader {
    left: usize,
}

impl Default for Reader {
    fn default() -> Self {
        Self { left: Self::MAX_TYPES }
    }
}

impl Reader {
    /// Types of all functions of a component together, cases and fields included.
    pub(super) const MAX_TYPES: usize = 50_000;

    /// The shape of a type.
    ///
    /// # Errors
    ///
    /// Why it has no JSON form, in words that go on with "its parameter `x`".
    pub(super) fn shape(&mut self, ty: &Type) -> Result<Shape, String> {
        self.at(ty, 0)
    }

    fn at(&mut self, ty: &Type, depth: usize) -> Result<Shape, String> {
        if depth > MAX_DEPTH {
            return Err(format!("is nested more than {MAX_DEPTH} deep"));
        }
        self.take(1)?;
        let kind = match ty {
            Type::Bool => Kind::Bool,
            Type::S8 => Kind::Integer(Integer::S8),
            Type::U8 => Kind::Integer(Integer::U8),
            Type::S16 => Kind::Integer(Integer::S16),
            Type::U16 => Kind::Integer(Integer::U16),
            Type::S32 => Kind::Integer(Integer::S32),
            Type::U32 => Kind::Integer(Integer::U32),
            Type::S64 => Kind::Integer(Integer::S64),
            Type::U64 => Kind::Integer(Integer::U64),
            Type::Float32 => Kind::Float32,
            Type::Float64 => Kind::Float64,
            Type::Char => Kind::Char,
            Type::String => Kind::String,
            Type::List(list) if list.ty() == Type::U8 => Kind::Bytes,
            Type::List(list) => Kind::List(Box::new(self.at(&list.ty(), depth + 1)?)),
            Type::Tuple(tuple) => {
                Kind::Tuple(tuple.types().map(|ty| self.at(&ty, depth + 1)).collect::<Result<_, _>>()?)
            }
            Type::Record(record) => Kind::Record(
                record
                    .fields()
                    .map(|field| Ok(Field { label: Label::of(field.name), shape: self.at(&field.ty, depth + 1)? }))
                    .collect::<Result<_, String>>()?,
            ),
            Type::Variant(variant) => Kind::Variant(
                variant
                    .cases()
                    .map(|case| {
                        self.take(1)?;
                        let payload = case.ty.map(|ty| self.at(&ty, depth + 1)).transpose()?;
                        Ok(Case { label: Label::of(case.name), payload })
                    })
                    .collect::<Result<_, String>>()?,
            ),
            Type::Enum(names) => {
                self.take(names.names().len())?;
                Kind::Enum(names.names().map(Label::of).collect())
            }
            Type::Flags(names) => {
                self.take(names.names().len())?;
                Kind::Flags(names.names().map(Label::of).collect())
            }
            Type::Option(option) => Kind::Option(Box::new(self.at(&option.ty(), depth + 1)?)),
            Type::Result(result) => {
                let mut end = |ty: Option<Type>| ty.map(|ty| self.at(&ty, depth + 1)).transpose();
                Kind::Result(Box::new(Ends { ok: end(result.ok())?, err: end(result.err())? }))
            }
            Type::Own(_) | Type::Borrow(_) => return no_json("a resource"),
            Type::Future(_) => return no_json("a future"),
            Type::Stream(_) => return no_json("a stream"),
            Type::ErrorContext => return no_json("an error context"),
            Type::Map(_) => return no_json("a map"),
            Type::FixedLengthList(_) => return no_json("a list of fixed length"),
        };
        Ok(kind.into())
    }

    fn take(&mut self, types: usize) -> Result<(), String> {
        self.left = self.left.checked_sub(types).ok_or_else(|| {
            format!("is one too many: all parameters and results together have more than {} types", Self::MAX_TYPES)
        })?;
        Ok(())
    }
}

fn no_json<T>(what: &str) -> Result<T, String> {
    Err(format!("is or holds {what}, which has no JSON form"))
}
