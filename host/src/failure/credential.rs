//! How failures that have to do with credentials are worded. They name variables, which a person can look at, and never a
//! value.

use super::Parts;
use crate::receipt::{CredentialDenial, CredentialFault, CredentialUse, Exchange};

/// Why a request was not sent without its credential.
pub(super) fn denied(CredentialDenial { server, variable, fault }: &CredentialDenial) -> Parts {
    let needs =
        format!("the request to {server} was not sent: the host adds a credential to it, and the variable {variable}");
    let at = "where `toolcell serve` is started, in its --env-file, or among the caller's own values";
    match fault {
        CredentialFault::Unset => Parts::new(
            format!("{needs} is not set"),
            &["the host was started without it", "the user who calls has no value of their own for it"],
            format!("whether {variable} is set {at}; that is for a person to do"),
        ),
        CredentialFault::TooShort => Parts::new(
            format!("{needs} has a value of fewer than 8 bytes"),
            &["the value is a placeholder, or was cut", "what is no secret stands in a variable"],
            format!(
                "what {variable} holds {at}; text that is no secret, such as a user name, is written into `value` in \
                 toolcell.toml itself"
            ),
        ),
        CredentialFault::TooLong => Parts::new(
            format!("{needs} has a value of more than 8 KiB"),
            &["the variable holds a file or a list instead of one token"],
            format!("what {variable} holds {at}"),
        ),
        CredentialFault::NotText => Parts::new(
            format!("{needs} has a value that no header field can carry"),
            &["the value has several lines, or characters that are not ASCII"],
            format!("what {variable} holds {at}"),
        ),
    }
}

/// A server did not take the credential that the host added.
pub(super) fn refused(exchange: &Exchange, status: u16) -> Parts {
    let at = exchange.server.authority();
    let variables = exchange.credential.as_deref().map(variables).unwrap_or_default();
    let message =
        format!("the server {at} answered with status {status} to a request with the credential that the host adds");
    let parts = if status == 401 {
        Parts::new(
            message,
            &[
                "the token has expired, was revoked, or is for another server",
                "`value` in toolcell.toml lacks a word that the server expects, such as `Bearer`",
            ],
            "",
        )
    } else {
        Parts::new(
            message,
            &[
                "the token is good and lacks the scope or permission that this request needs",
                "the server limits how often it is asked",
            ],
            "",
        )
    };
    Parts { check_first: format!("a person compares {variables} with what {at} expects of this request"), ..parts }
}

/// `GITHUB_TOKEN (the host's value)`.
fn variables(credential: &CredentialUse) -> String {
    let whose = |is_own: bool| if is_own { "the caller's own value" } else { "the host's value" };
    let shown = credential.variables.iter().map(|used| format!("{} ({})", used.name, whose(used.is_own)));
    shown.collect::<Vec<_>>().join(" and ")
}

/// One of each.
#[cfg(test)]
pub(super) fn credential_denials() -> [CredentialDenial; 4] {
    use crate::receipt::Server;
    use CredentialFault::{NotText, TooLong, TooShort, Unset};
    [Unset, TooShort, TooLong, NotText].map(|fault| CredentialDenial {
        server: Server { scheme: "https".to_owned(), host: "api.example.com".to_owned(), port: 443 },
        variable: "API_TOKEN".to_owned(),
        fault,
    })
}
