//! Arrays, of any depth. Lower bounds other than 1 are not kept.

use tokio_postgres::types::Type;

use super::{Malformed, exactly};

/// Dimensions that PostgreSQL allows.
const MAX_DIMENSIONS: usize = 6;

/// Appends an array: a JSON array in a JSON array for each dimension more.
pub(super) fn write(json: &mut String, element: &Type, bytes: &[u8]) -> Result<(), Malformed> {
    let mut rest = Reader(bytes);
    let dimensions = usize::try_from(rest.int()?).map_err(|_| Malformed)?;
    // Whether there are NULLs, and the type of the elements, which is known.
    let (_, _) = (rest.int()?, rest.int()?);
    if dimensions == 0 {
        json.push_str("[]");
        return Ok(());
    }
    if dimensions > MAX_DIMENSIONS {
        return Err(Malformed);
    }
    let mut lengths = Vec::with_capacity(dimensions);
    for _ in 0..dimensions {
        lengths.push(rest.int()?);
        let _lower_bound = rest.int()?;
    }
    write_dimension(json, element, &lengths, &mut rest)
}

fn write_dimension(json: &mut String, element: &Type, lengths: &[i32], rest: &mut Reader) -> Result<(), Malformed> {
    let Some((length, inner)) = lengths.split_first() else {
        return super::write(json, element, rest.value()?);
    };
    json.push('[');
    for index in 0..*length {
        if index > 0 {
            json.push(',');
        }
        write_dimension(json, element, inner, rest)?;
    }
    json.push(']');
    Ok(())
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn int(&mut self) -> Result<i32, Malformed> {
        Ok(i32::from_be_bytes(exactly(self.take(4)?)?))
    }

    /// An element; NULL has the length -1.
    fn value(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        match self.int()? {
            -1 => Ok(None),
            length => self.take(usize::try_from(length).map_err(|_| Malformed)?).map(Some),
        }
    }
}
