//! What a guest says, without the secrets of its call. A guest is never given one; that it cannot have one from elsewhere,
//! a variable that it was granted for example, is more than anybody can know.

use super::RawOutput;
use crate::{
    failure::{Failure, ToolError},
    outcome::{Blob, Content, Contents},
    receipt::Denial,
    redact::Redactor,
};

/// An answer, or the failure that the guest foresaw.
pub(super) fn answer(redactor: &Redactor, answer: Result<RawOutput, Failure>) -> Result<RawOutput, Failure> {
    match answer {
        Ok(mut output) => {
            output.content.iter_mut().for_each(|part| content(redactor, part));
            output.structured.iter_mut().for_each(|json| redactor.text(json));
            Ok(output)
        }
        Err(Failure::Tool(mut error)) => {
            let ToolError { code, message, likely_causes, check_first, retryable: _ } = &mut error;
            let texts = [code, message].into_iter().chain(likely_causes).chain(check_first);
            texts.for_each(|text| redactor.text(text));
            Err(Failure::Tool(error))
        }
        Err(failure) => Err(failure),
    }
}

fn content(redactor: &Redactor, content: &mut Content) {
    match content {
        Content::Text(text) | Content::Other(text) => redactor.text(text),
        Content::Image(Blob { data, mime_type }) | Content::Audio(Blob { data, mime_type }) => {
            redactor.bytes(data);
            redactor.text(mime_type);
        }
        Content::Link { uri, name, description, mime_type } => {
            [uri, name].into_iter().chain(description).chain(mime_type).for_each(|text| redactor.text(text));
        }
        Content::Embedded { uri, mime_type, contents } => {
            [uri].into_iter().chain(mime_type).for_each(|text| redactor.text(text));
            match contents {
                Contents::Text(text) => redactor.text(text),
                Contents::Blob(data) => {
                    redactor.bytes(data);
                }
            }
        }
    }
}

/// A refusal, as far as it repeats what the guest wrote.
pub(super) fn denial(redactor: &Redactor, denial: &mut Denial) {
    match denial {
        Denial::NameLookup(text) | Denial::Database { name: text, .. } => redactor.text(text),
        Denial::File(file) => redactor.text(&mut file.path),
        Denial::NotAsked(server) | Denial::NotGranted { server, .. } | Denial::SpecialAddress { server, .. } => {
            redactor.text(&mut server.host);
        }
        Denial::Socket | Denial::Cache { .. } | Denial::Credential(_) => {}
    }
}
