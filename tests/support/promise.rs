//! What is promised of every failure, whoever it reaches.

use serde_json::Value;

/// What must not be in the text of a failure: addresses, the runtime's words, and what names this machine or a secret.
const LEAKS: [&str; 6] = ["wasm backtrace", "0x", "/home/", env!("CARGO_MANIFEST_DIR"), "token=1", "/secret"];

/// A failure as it reached the client.
#[derive(Debug)]
pub struct Told {
    pub code: String,
    pub text: String,
    /// The call's id, which differs from run to run.
    pub call: String,
}

/// Reads a result that is a failure.
///
/// # Errors
///
/// The part of the promise that it does not keep.
pub fn read(result: &Value) -> Result<Told, String> {
    let told = |ok: bool, promise: &str| if ok { Ok(()) } else { Err(format!("{promise}: {result}")) };
    told(result["isError"] == true, "no failure")?;
    told(result["structuredContent"].is_null(), "a failure has no structured content")?;
    let text = result["content"][0]["text"].as_str().unwrap_or_default().to_owned();
    told((1..=800).contains(&text.chars().count()), "its text has at most 800 characters")?;
    told(!LEAKS.iter().any(|leak| text.contains(leak)), "its text leaks nothing")?;
    let error = &result["_meta"]["toolcell/error"];
    let part = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    let (code, call) = (part("code"), part("call"));
    told(!code.is_empty() && text.ends_with(&format!("({code}, call {call})")), "its text ends with code and call")?;
    told(!part("message").is_empty(), "it says what happened")?;
    told(!part("checkFirst").is_empty() && text.matches("\nCheck first: ").count() == 1, "it has one first check")?;
    told(
        error["likelyCauses"].is_array() && error["retryable"].is_boolean(),
        "it has causes, and says whether to retry",
    )?;
    Ok(Told { code, text, call })
}
