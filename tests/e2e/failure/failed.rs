use serde_json::Value;

use crate::promise;

/// A failure as it reached the client, without what differs from run to run.
pub struct Failed {
    pub code: String,
    pub text: String,
}

impl Failed {
    /// Reads a result that is a failure, and holds it to what is promised of every failure.
    pub fn new(result: &Value) -> Self {
        let told = promise::read(result).unwrap_or_else(|broken| panic!("{broken}"));
        Self { code: told.code, text: without_numbers(&told.text.replace(&told.call, "CALL")) }
    }
}

/// Times, measured sizes and ports differ from run to run.
fn without_numbers(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        shown.push_str(&rest[..at]);
        let number: String = rest[at..].chars().take_while(char::is_ascii_digit).collect();
        rest = &rest[at + number.len()..];
        let unit: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
        match unit.as_str() {
            "ms" | "s" => shown.push_str("TIME"),
            "KiB" => shown.push_str("SIZE"),
            _ if shown.ends_with("127.0.0.1:") || shown.ends_with("127.0.0.1 -p ") => shown.push_str("PORT"),
            _ => shown.push_str(&number),
        }
        if matches!(unit.as_str(), "ms" | "s" | "KiB") {
            rest = &rest[unit.len()..];
        }
    }
    shown + rest
}
