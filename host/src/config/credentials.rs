//! `[credentials."api.github.com"]`: header fields that the host adds to requests. A value names the variables that hold
//! secrets; no error repeats what stands there instead, because it may be the secret itself.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};
use toml::Spanned;

use crate::{
    policy::{Credential, credential_header, credential_server},
    source::{Source, SourceError},
};

/// The section as written.
pub(super) type RawCredentials = Quiet<BTreeMap<Spanned<String>, Quiet<RawCredential>>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCredential {
    header: Spanned<String>,
    value: Spanned<Quiet<String>>,
    plugins: Option<Vec<Spanned<String>>>,
}

/// What the section means.
pub(super) fn credentials(source: &Source, written: &RawCredentials) -> Result<Vec<Credential>, SourceError> {
    let mut credentials: Vec<Credential> = Vec::new();
    for (name, Quiet(raw)) in &written.0 {
        let server = credential_server(name.get_ref()).map_err(|problem| source.error(name, problem))?;
        if credentials.iter().any(|credential| credential.server == server) {
            return Err(source
                .error(name, format!("{:?} is the server of another credential, too; remove one", name.get_ref())));
        }
        let header = credential_header(raw.header.get_ref()).map_err(|problem| source.error(&raw.header, problem))?;
        let Quiet(value) = raw.value.get_ref();
        let value = value.parse().map_err(|problem| source.error(&raw.value, format!("{problem}")));
        let plugins = raw.plugins.as_ref().map(|names| source.set(names)).transpose()?;
        credentials.push(Credential { server, header, value: value?, plugins });
    }
    Ok(credentials)
}

/// A value whose errors do not repeat what was written in its place, as serde's own do.
#[derive(Default)]
pub(super) struct Quiet<T>(T);

impl<'de> Deserialize<'de> for Quiet<String> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Self)
    }
}

impl<'de> Deserialize<'de> for Quiet<RawCredential> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TableVisitor(PhantomData)).map(Self)
    }
}

impl<'de> Deserialize<'de> for RawCredentials {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TableVisitor(PhantomData)).map(Self)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text in quotes, such as \"Bearer ${GITHUB_TOKEN}\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<String, E> {
        Err(unexpected(&self))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<String, E> {
        Err(unexpected(&self))
    }
}

/// A table that is read as `T`.
struct TableVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for TableVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table: [credentials.\"api.example.com\"] with header and value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<T, E> {
        Err(unexpected(&self))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<T, E> {
        Err(unexpected(&self))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<T, E> {
        Err(unexpected(&self))
    }
}

fn unexpected<E: de::Error>(expected: &dyn de::Expected) -> E {
    E::custom(format_args!("expected {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn parse(text: &str) -> Result<Vec<Credential>, String> {
        let config = Config::parse(&Source { file: "toolcell.toml", text });
        config.map(|config| config.credentials).map_err(|error| error.to_string())
    }

    #[test]
    fn credentials_name_server_header_variables_and_plugins() {
        let text = "[credentials.\"API.github.com\"]\nheader = \"Authorization\"\nvalue = \"Bearer ${GITHUB_TOKEN}\"\n\
                    plugins = [\"github\"]\n[credentials.\"a.example:8443\"]\nheader = \"X-Key\"\nvalue = \"${A}.${B}\"\n";
        let read = parse(text).expect("the file is good");
        let shown: Vec<_> = read
            .iter()
            .map(|it| {
                let variables: Vec<_> = it.value.variables().map(ToString::to_string).collect();
                let plugins = it.plugins.as_ref().map_or(0, std::collections::BTreeSet::len);
                format!("{} {} {} {plugins}", it.name(), it.header, variables.join(" "))
            })
            .collect();
        assert_eq!(shown, ["api.github.com authorization GITHUB_TOKEN 1", "a.example:8443 x-key A B 0"]);
    }

    #[test]
    fn errors_say_where_and_what_was_expected_and_repeat_no_secret() {
        let at = "[credentials.\"a.example\"]\n";
        let instead = "such as \"Bearer ${GITHUB_TOKEN}\"";
        for (text, expected) in [
            (
                format!("{at}header = \"Authorization\"\nvalue = \"Bearer hunter2\""),
                format!(
                    "3:9: expected a variable that holds the secret, {instead}, and not the secret itself: this file is \
                     meant to be read by others"
                ),
            ),
            (
                format!("{at}header = \"A\"\nvalue = \"$hunter2\""),
                "3:9: expected `${NAME}` for a variable, the name of letters, digits and `_`, and `$$` for a dollar"
                    .to_owned(),
            ),
            (format!("{at}header = \"A\"\nvalue = 24680"), format!("3:9: expected text in quotes, {instead}")),
            (
                format!("{at}header = \"Bearer hunter2\"\nvalue = \"${{A}}\""),
                "2:10: this cannot name a header field; expected a name such as \"Authorization\"".to_owned(),
            ),
            (
                format!("{at}header = \"Host\"\nvalue = \"${{A}}\""),
                "2:10: the header field `host` is the host's own and cannot carry a credential".to_owned(),
            ),
            (format!("{at}value = \"${{A}}\""), "1:1: missing key `header`".to_owned()),
            (format!("{at}token = \"hunter2\""), "2:1: unknown key \"token\"; expected one of: header, value, plugins".to_owned()),
            (
                "[credentials]\n\"a.example\" = \"Bearer hunter2\"".to_owned(),
                "2:15: expected a table: [credentials.\"api.example.com\"] with header and value".to_owned(),
            ),
            (
                "credentials = \"hunter2\"".to_owned(),
                "1:15: expected a table: [credentials.\"api.example.com\"] with header and value".to_owned(),
            ),
            (
                "[credentials.\"https://a.example\"]\nheader = \"A\"\nvalue = \"${A}\"".to_owned(),
                "1:14: \"https://a.example\" is not a server that a credential can be for; write the name of one server, \
                 and its port where that is not 443, such as \"api.example.com\" or \"api.example.com:8443\""
                    .to_owned(),
            ),
            (
                format!("{at}header = \"A\"\nvalue = \"${{A}}\"\n[credentials.\"A.example:443\"]\nheader = \"A\"\nvalue = \"${{A}}\""),
                "1:14: \"a.example\" is the server of another credential, too; remove one".to_owned(),
            ),
        ] {
            let error = parse(&text).expect_err(&text);
            assert_eq!(error, format!("toolcell.toml:{expected}"), "{text}");
            assert!(!error.contains("hunter2") && !error.contains("24680"), "{error}");
        }
    }
}
