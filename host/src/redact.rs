//! Secrets, and what takes them out of bytes that others get to see.

use std::{fmt, sync::Arc};

use aho_corasick::{
    Anchored,
    automaton::{Automaton, StateID},
    nfa::contiguous::NFA,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use bytes::{Bytes, BytesMut};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Text that is never formatted. Its equality is for finding it in a table, not for checking what somebody sent.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Secret(String);

impl Secret {
    /// Bytes that a secret has at least: what takes out less also takes out ordinary words.
    pub(crate) const MIN: usize = 8;
    /// Bytes that it has at most: servers take no longer header fields, and all of it is compared with all that comes.
    pub(crate) const MAX: usize = 8 << 10;

    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What each byte of a secret becomes. With as many bytes as before, lengths that were announced stay true, and JSON stays
/// JSON.
const MASK: u8 = b'*';

/// Finds secrets in bytes, as they are or in one of the forms that programs commonly write text in: percent-encoded, as in
/// JSON and HTML, in base64 wherever it begins in the encoded text, in hexadecimal digits; and each in capitals, too.
///
/// A secret that is cut, or written in another way, is not found.
pub(crate) struct Redactor {
    forms: NFA,
    start: StateID,
    longest: usize,
}

impl Redactor {
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut forms: Vec<_> = secrets.into_iter().flat_map(|secret| forms(secret.expose())).collect();
        forms.sort_unstable();
        forms.dedup();
        let longest = forms.iter().map(String::len).max().unwrap_or(0);
        // The prefilter is for searches that the automaton makes by itself; here it is stepped from outside.
        let built = NFA::builder().ascii_case_insensitive(true).prefilter(false).build(&forms);
        let forms = built.expect("it takes millions of bytes, and secrets are short and few");
        let start = forms.start_state(Anchored::No).expect("automata that are built like this are not anchored");
        Self { forms, start, longest }
    }

    /// Bytes of the longest form of a secret.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// Masks every secret. Whether there was one is the answer.
    pub(crate) fn bytes(&self, bytes: &mut [u8]) -> bool {
        let mut place = Place { state: self.start, open: 0 };
        self.mask(&mut place, bytes, 0)
    }

    /// The same for text, which stays text: secrets are ASCII and so is what they become.
    pub(crate) fn text(&self, text: &mut String) {
        let mut bytes = std::mem::take(text).into_bytes();
        self.bytes(&mut bytes);
        *text = String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    }

    /// Masks every secret in a stream of bytes, however it is cut into parts.
    pub(crate) fn stream(self: &Arc<Self>) -> RedactedStream {
        let place = Place { state: self.start, open: 0 };
        RedactedStream { redactor: Arc::clone(self), place, held: BytesMut::new() }
    }

    /// Goes on through `bytes[from..]` and masks what ends there, also where it begins before `from`.
    fn mask(&self, place: &mut Place, bytes: &mut [u8], from: usize) -> bool {
        let mut found = false;
        for at in from..bytes.len() {
            place.state = self.forms.next_state(Anchored::No, place.state, bytes[at]);
            if place.state == self.start {
                place.open = 0;
                continue;
            }
            place.open = (place.open + 1).min(self.longest);
            if self.forms.is_match(place.state) {
                let ending_here = 0..self.forms.match_len(place.state);
                let lengths =
                    ending_here.map(|index| self.forms.pattern_len(self.forms.match_pattern(place.state, index)));
                let length = lengths.max().unwrap_or(0);
                bytes[at + 1 - length..=at].fill(MASK);
                found = true;
            }
        }
        found
    }
}

/// Its parts would show the secrets.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

/// How far a search has come.
#[derive(Clone, Copy)]
struct Place {
    state: StateID,
    /// How many of the last bytes may be the beginning of a secret; at least as many as are.
    open: usize,
}

/// A stream of bytes without secrets. It holds back no more than what may be the beginning of one.
pub(crate) struct RedactedStream {
    redactor: Arc<Redactor>,
    place: Place,
    held: BytesMut,
}

impl RedactedStream {
    /// Takes the next bytes and gives those that are known to be no part of a secret, or masked; there may be none.
    pub(crate) fn push(&mut self, bytes: Bytes) -> Bytes {
        let from = self.held.len();
        let mut seen = std::mem::take(&mut self.held);
        if seen.is_empty() {
            seen = bytes.into();
        } else {
            seen.extend_from_slice(&bytes);
        }
        self.redactor.mask(&mut self.place, &mut seen, from);
        self.held = seen.split_off(seen.len().saturating_sub(self.place.open));
        seen.freeze()
    }

    /// What was held back, once nothing more comes.
    pub(crate) fn finish(self) -> Bytes {
        self.held.freeze()
    }

    /// Bytes that are held back.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }
}

impl fmt::Debug for RedactedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedactedStream")
    }
}

/// Unreserved characters of a URL (RFC 3986, section 2.3) stay; encoders differ about no others that tokens have.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The ways in which a secret may be written.
fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::Value::from(secret).to_string();
    let json = json[1..json.len() - 1].to_owned();
    let mut forms = vec![
        secret.to_owned(),
        utf8_percent_encode(secret, ENCODED).to_string(),
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        json.replace('/', "\\/"),
        escaped(&json, "<>&"),
        escaped(&json, "<>&='"),
        json,
        html(secret, "&#39;"),
        html(secret, "&#x27;"),
        secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
    ];
    forms.extend(
        (0..3).flat_map(|before| {
            [in_base64(&STANDARD_NO_PAD, secret, before), in_base64(&URL_SAFE_NO_PAD, secret, before)]
        }),
    );
    forms
}

/// JSON text in which these characters, too, are written by their number, as encoders do that have HTML in mind.
fn escaped(json: &str, characters: &str) -> String {
    let escape = |c: char| if characters.contains(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    json.chars().map(escape).collect()
}

fn html(text: &str, apostrophe: &str) -> String {
    let entities = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", apostrophe)];
    entities.into_iter().fold(text.to_owned(), |text, (character, entity)| text.replace(character, entity))
}

/// The characters that base64 has for this text alone, where `before` of the bytes before it share its first group of three.
fn in_base64(alphabet: &impl Engine, text: &str, before: usize) -> String {
    let encoded = alphabet.encode([&b"\0\0"[..before], text.as_bytes()].concat());
    // A character holds 6 bits: those at both ends hold bits of what stands beside the text, too.
    let first = (before * 8).div_ceil(6);
    let end = (before + text.len()) * 8 / 6;
    encoded.get(first..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
