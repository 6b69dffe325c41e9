use proptest::prelude::*;

use super::*;

const TOKEN: &str = "ghp_x/Y+z'0&=Secret";

fn redactor(secrets: &[&str]) -> Arc<Redactor> {
    let secrets: Vec<_> = secrets.iter().map(|secret| Secret::new(*secret)).collect();
    Arc::new(Redactor::new(&secrets))
}

fn text(redactor: &Redactor, text: &str) -> String {
    let mut text = text.to_owned();
    redactor.text(&mut text);
    text
}

/// What a stream gives for parts of these lengths, again and again; also how much was held at most.
fn streamed(redactor: &Arc<Redactor>, bytes: &[u8], parts: &[usize]) -> (Vec<u8>, usize) {
    let (mut stream, mut out, mut rest, mut held) = (redactor.stream(), Vec::new(), bytes, 0);
    for part in parts.iter().cycle().take(bytes.len() + parts.len()) {
        let (now, later) = rest.split_at((*part).min(rest.len()));
        out.extend_from_slice(&stream.push(Bytes::copy_from_slice(now)));
        held = held.max(stream.held());
        assert_eq!(out.len() + stream.held() + later.len(), bytes.len(), "no byte is lost or added");
        rest = later;
    }
    assert!(rest.is_empty());
    out.extend_from_slice(&stream.finish());
    (out, held)
}

#[test]
fn a_secret_is_masked_in_every_common_form() {
    let redactor = redactor(&[TOKEN]);
    let json = serde_json::to_string(TOKEN).expect("it is text");
    for form in [
        TOKEN,
        &TOKEN.to_uppercase(),
        "ghp_x%2FY%2Bz%270%26%3DSecret",
        "ghp_x%2fY%2bz%270%26%3dSecret",
        json.trim_matches('"'),
        "ghp_x\\/Y+z'0&=Secret",
        "ghp_x/Y+z'0\\u0026=Secret",
        "ghp_x/Y+z\\u00270\\u0026\\u003dSecret",
        "ghp_x/Y+z&#39;0&amp;=Secret",
        &TOKEN.bytes().map(|byte| format!("{byte:02X}")).collect::<String>(),
    ] {
        assert_eq!(text(&redactor, &format!("a {form} b {form}")), format!("a {0} b {0}", "*".repeat(form.len())));
    }
}

#[test]
fn base64_is_masked_wherever_the_secret_begins_in_it() {
    let redactor = redactor(&[TOKEN]);
    for before in ["", "a", "ab", "Bearer ", "user:"] {
        for engine in [base64::engine::general_purpose::STANDARD, base64::engine::general_purpose::URL_SAFE] {
            let encoded = engine.encode(format!("{before}{TOKEN}!"));
            let masked = text(&redactor, &encoded);
            let left = masked.bytes().filter(|byte| *byte != MASK).count();
            // What encodes `before` and the character after, and one character that is shared at each end.
            assert!(left <= (before.len() + 1) * 8 / 6 + 4, "{encoded} {masked}");
            let kept: Vec<u8> = masked.bytes().map(|byte| if byte == MASK { b'A' } else { byte }).collect();
            let decoded = engine.decode(kept).expect("it is base64");
            assert!(!String::from_utf8_lossy(&decoded).contains(&TOKEN[1..TOKEN.len() - 1]));
        }
    }
}

#[test]
fn what_is_no_secret_stays() {
    let redactor = redactor(&[TOKEN]);
    for other in ["", "ghp_", "ghp_x/Y+z'0&=Secre", "hp_x/Y+z'0&=Secret", "ghp_ghp_ghp_x", "ä\u{1f600}ghp_"] {
        assert_eq!(text(&redactor, other), other);
    }
    // Nothing is held back that no secret begins with.
    let mut stream = redactor.stream();
    assert_eq!(stream.push(Bytes::from("data: event\n\n")), "data: event\n\n");
    assert_eq!(stream.held(), 0);
}

#[test]
fn secrets_that_overlap_are_all_masked() {
    let redactor = redactor(&["aaaabbbbcccc", "bbbbccccdddd", "bbbbcccc"]);
    assert_eq!(text(&redactor, "-aaaabbbbccccdddd-"), "-****************-");
    assert_eq!(text(&redactor, "-bbbbcccc-"), "-********-");
}

#[test]
fn secrets_are_not_formatted() {
    let (secret, redactor) = (Secret::new(TOKEN), redactor(&[TOKEN]));
    let shown = format!("{secret:?} {redactor:?} {:?}", redactor.stream());
    assert_eq!(shown, "Secret Redactor RedactedStream");
}

/// A byte is masked if, and only if, an occurrence covers it.
fn naive(secrets: &[String], bytes: &[u8]) -> Vec<u8> {
    let mut masked = bytes.to_vec();
    for form in secrets.iter().flat_map(|secret| forms(secret)) {
        for (at, window) in bytes.windows(form.len()).enumerate() {
            if window.eq_ignore_ascii_case(form.as_bytes()) {
                masked[at..at + form.len()].fill(MASK);
            }
        }
    }
    masked
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    /// Few letters, so that secrets overlap, begin within each other and repeat themselves.
    #[test]
    fn every_cut_gives_what_the_whole_gives(
        secrets in prop::collection::vec("[abA/]{8,10}", 1..4),
        pieces in prop::collection::vec((0..5_usize, "[abA/]{0,9}"), 0..12),
        parts in prop::collection::vec(1..7_usize, 1..6),
    ) {
        let bytes: Vec<u8> = pieces.iter().flat_map(|(which, noise)| {
            let piece = secrets.get(*which).map_or(noise.clone(), |secret| match noise.len() % 3 {
                0 => secret.clone(),
                1 => STANDARD_NO_PAD.encode(format!("{noise}{secret}")),
                _ => utf8_percent_encode(secret, ENCODED).to_string(),
            });
            piece.into_bytes()
        }).collect();
        let borrowed: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let redactor = redactor(&borrowed);
        let expected = naive(&secrets, &bytes);
        let mut whole = bytes.clone();
        redactor.bytes(&mut whole);
        prop_assert_eq!(&whole, &expected);
        let (cut, held) = streamed(&redactor, &bytes, &parts);
        prop_assert_eq!(&cut, &expected);
        prop_assert!(held <= redactor.longest());
        for secret in &secrets {
            prop_assert!(!cut.to_ascii_lowercase().windows(secret.len()).any(|it| it.eq_ignore_ascii_case(secret.as_bytes())));
        }
    }
}
