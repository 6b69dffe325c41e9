//! Exports an interface of a package with a version in place of the contract: every type there and back.

#[allow(clippy::pedantic, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: "../wit/types.wit" });
}

use bindings::exports::test::types::echo::{Guest, MathError, OneOfEach};

/// The component.
pub struct Program;

impl Guest for Program {
    #[expect(clippy::many_single_char_names, reason = "as the interface has them")]
    fn integers(
        a: i8,
        b: u8,
        c: i16,
        d: u16,
        e: i32,
        f: u32,
        g: i64,
        h: u64,
    ) -> (i8, u8, i16, u16, i32, u32, i64, u64) {
        (a, b, c, d, e, f, g, h)
    }

    fn floats(single: f32, double: f64) -> (f32, f64) {
        (single, double)
    }

    fn everything(value: OneOfEach) -> OneOfEach {
        value
    }

    fn say(word: Option<String>) -> String {
        word.unwrap_or_else(|| "nothing".to_owned())
    }

    fn divide(dividend: i64, divisor: i64) -> Result<i64, MathError> {
        if divisor == 0 {
            return Err(MathError::DivisionByZero);
        }
        dividend.checked_div(divisor).ok_or(MathError::OutOfRange(dividend))
    }

    fn fail(message: String) -> Result<(), String> {
        Err(message)
    }

    fn give_up() -> Result<(), ()> {
        Err(())
    }

    fn nothing() {}

    fn numbers(count: u32) -> Vec<u64> {
        (0..u64::from(count)).map(|number| u64::MAX - number).collect()
    }

    fn blob(size: u32) -> Result<Vec<u8>, String> {
        Ok(vec![7; size as usize])
    }
}

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, reason = "the exports are generated")]
const _: () = {
    bindings::export!(Program with_types_in bindings);
};
