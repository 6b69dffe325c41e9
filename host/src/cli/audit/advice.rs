//! What an operator can do about a failure. The failure's own text speaks to a model, which can change its arguments
//! and little else.

use crate::{audit::record::CallRecord, cli::Open, failure::Code, text::shell_word};

/// What to do, the likeliest first; nothing where nothing is wrong.
pub(super) fn advice(open: &Open, call: &CallRecord) -> Option<String> {
    let command = |command: &str| format!("`{}`", open.command(command));
    let plugin = shell_word(call.plugin.as_deref().unwrap_or("PLUGIN"));
    let (allow, check) = (command(&format!("allow {plugin}")), command(&format!("check {plugin}")));
    let recent = command("audit --since 10m");
    let Some(code) = Code::ALL.iter().find(|code| code.as_str() == call.outcome) else {
        return of_another(call, &command("list"));
    };
    Some(match code {
        Code::InvalidArguments => format!(
            "Nothing, where it happens now and then: models mend their arguments. If it does not stop, the tool's \
             description or schema misleads; {} shows what models read",
            command("list")
        ),
        Code::DeniedNetwork | Code::DeniedCache | Code::DeniedDatabase | Code::DeniedFiles => format!(
            "Nothing, where the plugin is not meant to have it. Otherwise {check} shows what it asks for and what it \
             was granted: what it asks for is granted with {allow}, unless toolcell.toml takes it away; what it does \
             not ask for, its author adds to plugin.toml"
        ),
        Code::CacheUnreachable => "Check that the server of the cache runs, and the URL in the variable that [cache] \
                                   in toolcell.toml names"
            .to_owned(),
        Code::UpstreamUnreachable => {
            "Check from this machine whether the server answers, as the text above says; a proxy or \
             firewall may be between"
                .to_owned()
        }
        Code::UpstreamLimit => "Nothing, where the answer is meant to be bounded. The plugin's author can ask the \
                                server for less at once"
            .to_owned(),
        Code::DatabaseNotConfigured | Code::DatabaseUnreachable | Code::DatabaseLogin | Code::DatabaseUnsafe => {
            format!(
                "Check the database's section under [postgres] in toolcell.toml and the URL in the variable that it \
             names; {check} tells what is wrong with it"
            )
        }
        Code::DatabaseBusy => format!(
            "Raise `connections` of the database under [postgres] in toolcell.toml, as far as its server has room, \
             or find the calls that hold them with {recent}"
        ),
        Code::DatabaseTimeout => {
            "Look at the statement's plan with EXPLAIN; raise `deadline` under [limits] in plugin.toml if it \
             has to take so long"
                .to_owned()
        }
        Code::DatabaseRefused | Code::InvalidQuery => {
            "Nothing, where the model wrote the statement: it reads what the database said. Otherwise report it to \
             the plugin's author"
                .to_owned()
        }
        Code::MissingVariable => {
            "Set the variable where `toolcell serve` is started, or in its --env-file, and start it again".to_owned()
        }
        Code::Trap | Code::StackOverflow | Code::Exited | Code::InvalidOutput | Code::ResourceLimit => {
            let id = &call.call;
            format!("Report it to the plugin's author; what it printed stands in the host's log under call={id}")
        }
        Code::MemoryLimit => format!("Raise `memory` under [limits] in plugin.toml and review that with {allow}"),
        Code::Deadline => format!(
            "See above whether it computed or waited, and for whom; if it has to take so long, raise `deadline` \
             under [limits] in plugin.toml and review that with {allow}"
        ),
        Code::ResultTooLarge => "Report it to the plugin's author: the tool should answer in pages".to_owned(),
        Code::Busy => format!(
            "See which calls ran at that time, with {recent}. Raise `concurrency` under [limits] in plugin.toml for \
             one plugin, or `slots` and `memory` under [sandbox] in toolcell.toml for all"
        ),
        Code::NotRecorded => "See in the host's log why this log could not be written, and mend that; calls run \
                              again by themselves"
            .to_owned(),
        Code::Cancelled => "Nothing: the client withdrew the request or went away".to_owned(),
        Code::ToolWithdrawn => {
            let check = command("check");
            format!("{check} says what keeps the plugin from being served, and what mends it")
        }
        Code::Unexpected => {
            format!("Report it to Toolcell, with the lines of the host's log that name call={}", call.call)
        }
    })
}

/// Of an outcome that is no failure of the host's.
fn of_another(call: &CallRecord, list: &str) -> Option<String> {
    match call.outcome.as_str() {
        CallRecord::OK if call.denied.is_empty() && call.beside.is_none() => None,
        CallRecord::OK => Some(
            "The call was answered, but the plugin went without what is named above; see whether it is \
             meant to have it"
                .to_owned(),
        ),
        CallRecord::UNKNOWN_TOOL => Some(format!(
            "Nothing, where a model made the name up or a client has an old list; {list} shows which tools there are"
        )),
        CallRecord::FORBIDDEN_TOOL => {
            Some("Nothing, where the user is not meant to call it; otherwise allow it in toolcell.toml".to_owned())
        }
        _ => Some("The tool foresaw this failure and says so itself: the text above is the plugin's own".to_owned()),
    }
}
