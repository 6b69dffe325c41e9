//! The file of tokens: who may call with which token, and until when. It holds hashes, from which no token can be read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use subtle::{ConditionallySelectable, ConstantTimeEq};
use toml::Spanned;

use super::{Token, UserName};
use crate::{
    policy::Digest,
    source::{Source, SourceError, unplaced},
};

/// All tokens, as the file has them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenList {
    /// In the order of the file: oldest first.
    pub entries: Vec<TokenEntry>,
}

/// What is known of one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenEntry {
    /// Who calls with it.
    pub user: UserName,
    /// SHA-256 of the token.
    pub digest: Digest,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends, if it does.
    pub expires: Option<Timestamp>,
}

impl TokenEntry {
    /// Names the token among all: the first eight digits of its hash.
    #[must_use]
    pub fn id(&self) -> String {
        self.digest.hex()[..8].to_owned()
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

impl TokenList {
    /// Makes a token for a user and puts it into the list.
    ///
    /// # Errors
    ///
    /// When the system has no random numbers.
    pub fn add(&mut self, user: UserName, expires: Option<Timestamp>) -> Result<Token, getrandom::Error> {
        let token = Token::random()?;
        let created = whole_seconds(Timestamp::now());
        let expires = expires.map(whole_seconds);
        self.entries.push(TokenEntry { user, digest: token.digest(), created, expires });
        Ok(token)
    }

    /// The entry of the token with this digest. Every entry is compared, each in constant time, so that how long it
    /// takes says nothing about how much of a token was right, nor whose it would be.
    #[must_use]
    pub fn find(&self, presented: &Digest) -> Option<&TokenEntry> {
        let mut found = u64::MAX;
        for (index, entry) in (0..).zip(&self.entries) {
            found.conditional_assign(&index, entry.digest.as_bytes().ct_eq(presented.as_bytes()));
        }
        self.entries.get(usize::try_from(found).ok()?)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// The first thing that is not as it has to be, with its place and what was expected.
    pub fn parse(source: &Source) -> Result<Self, SourceError> {
        let raw: RawList = source.parse()?;
        let time = |written: &Spanned<String>| {
            let problem = || source.error(written, "expected a time such as \"2027-01-31T00:00:00Z\"");
            written.get_ref().parse::<Timestamp>().map_err(|_| problem())
        };
        let entry = |written: &RawToken| {
            Ok(TokenEntry {
                user: source.value(&written.user)?,
                digest: source.value(&written.hash)?,
                created: time(&written.created)?,
                expires: written.expires.as_ref().map(time).transpose()?,
            })
        };
        Ok(Self { entries: raw.token.iter().map(entry).collect::<Result<_, _>>()? })
    }

    /// The text that [`TokenList::parse`] reads back.
    ///
    /// # Errors
    ///
    /// None that is known: everything in an entry can be written as TOML.
    pub fn text(&self) -> Result<String, toml::ser::Error> {
        let raw = |entry: &TokenEntry| RawToken {
            user: unplaced(entry.user.to_string()),
            hash: unplaced(entry.digest.to_string()),
            created: unplaced(entry.created.to_string()),
            expires: entry.expires.map(|expires| unplaced(expires.to_string())),
        };
        let list = RawList { token: self.entries.iter().map(raw).collect() };
        Ok(format!("{HEADER}{}", toml::to_string_pretty(&list)?))
    }
}

const HEADER: &str = "\
# Who may call with which token. `toolcell token` writes it. It holds hashes, from which no token can be read; but whoever
# can write here can make tokens.

";

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RawList {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    token: Vec<RawToken>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RawToken {
    user: Spanned<String>,
    hash: Spanned<String>,
    created: Spanned<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Spanned<String>>,
}

fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<TokenList, String> {
        TokenList::parse(&Source { file: "tokens.toml", text }).map_err(|error| error.to_string())
    }

    fn name(text: &str) -> UserName {
        text.parse().expect("a name")
    }

    #[test]
    fn what_is_written_is_read_back_and_holds_no_token() {
        let mut list = TokenList::default();
        let expires = "2027-01-31T00:00:00Z".parse().expect("a time");
        let tokens = [
            list.add(name("alice"), None).expect("random bits"),
            list.add(name("bob@example.com"), Some(expires)).expect("random bits"),
        ];
        let text = list.text().expect("it can be written");
        assert_eq!(parse(&text), Ok(list.clone()));
        for (token, user) in tokens.iter().zip(["alice", "bob@example.com"]) {
            assert!(!text.contains(&token.reveal()[3..]), "{text}");
            let found = list.find(&token.digest()).expect("it was added");
            assert_eq!(found.user.as_str(), user);
        }
        assert_eq!(list.find(&Digest::of(b"tc_another")), None);
        assert_eq!(parse(&TokenList::default().text().expect("it can be written")), Ok(TokenList::default()));
    }

    #[test]
    fn a_token_ends_when_it_says() {
        let mut list = TokenList::default();
        let now = Timestamp::now();
        list.add(name("alice"), Some(now)).expect("random bits");
        list.add(name("alice"), None).expect("random bits");
        assert!(list.entries[0].has_expired(now) && !list.entries[1].has_expired(Timestamp::MAX));
    }

    #[test]
    fn errors_say_where_and_what_was_expected() {
        let hash = format!("sha256:{}", "0".repeat(64));
        for (text, expected) in [
            ("[[tokens]]".to_owned(), "1:3: unknown key \"tokens\"; did you mean \"token\"?"),
            ("[[token]]\nuser = \"alice\"".to_owned(), "1:1: missing key `hash`"),
            (
                "[[token]]\nuser = \"alice\"\nhash = \"tc_x\"\ncreated = \"\"".to_owned(),
                "3:8: not a digest; expected \"sha256:\" and 64 hexadecimal digits in lower case",
            ),
            (
                format!("[[token]]\nuser = \"alice\"\nhash = \"{hash}\"\ncreated = \"2026\""),
                "4:11: expected a time such as \"2027-01-31T00:00:00Z\"",
            ),
        ] {
            assert_eq!(parse(&text), Err(format!("tokens.toml:{expected}")));
        }
    }
}
