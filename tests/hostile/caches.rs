//! Guests that keep more than they may, or look for what others keep.

use serde_json::{Value, json};
use toolcell::failure::Code;

use crate::{
    folder::Folder,
    oracle::{
        Attack, Case,
        Expected::{Answers, Fails, ToolFails},
        Seen,
    },
    scene::{Scene, call, calls, deadline, manifest},
};

/// Plugins of the same guest: one that attacks, one that is robbed, one whose calls do not end by themselves, and one that was
/// granted nothing.
pub fn add(folder: &Folder) {
    let room = "capabilities.cache = { max = \"4MiB\", ttl-max = \"1h\" }";
    for (plugin, prefix, asks) in
        [("cached", "", room), ("kept", "kept-", room), ("keeps", "endless-", room), ("keepless", "keepless-", "")]
    {
        folder.add_as(
            plugin,
            "cached",
            &format!("{}\n{asks}\ntools.prefix = \"{prefix}\"", manifest(&format!("{prefix}cached"))),
        );
    }
}

pub fn cases() -> Vec<Case> {
    let case = |name: &str, expected, attack| Case { name: name.to_owned(), guest: "cached", expected, attack };
    let steps = |steps: Value| call("cached", json!({"steps": steps}));
    let flooded = Answers(r#""results":[]"#);
    vec![
        case("200,000 keys, 20 calls at once", flooded, many_keys()),
        case(
            "keys for ever",
            Fails(Code::Deadline, "`endless-cached`"),
            call("endless-cached", json!({"flood": u32::MAX})),
        ),
        case("values of 1 GiB in all", flooded, calls(16, "cached", json!({"flood": 64, "bytes": 1 << 20}))),
        case(
            "value larger than its room",
            ToolFails("invalid_entry", "all the room"),
            steps(json!([["set", "k", 5 << 20, 60_000]])),
        ),
        case(
            "value of 30 MiB",
            Fails(Code::ResourceLimit, "data passed"),
            steps(json!([["set", "k", 30 << 20, 60_000]])),
        ),
        case(
            "key of 1 MB",
            ToolFails("invalid_entry", "a key has 1 to 512"),
            steps(json!([["set", "k".repeat(1_000_000), "v", 60_000]])),
        ),
        case("what another plugin keeps", Answers(r#""results":[null,null,null]"#), robbed()),
        case("making another plugin's entries go", Answers(r#""value":"kept""#), displaced()),
        case(
            "a cache that was not granted",
            Fails(Code::DeniedCache, "a cache"),
            call("keepless-cached", json!({"steps": [["get", "k"]], "crash": true})),
        ),
    ]
}

/// Each call has keys of its own.
fn many_keys() -> Attack {
    Box::new(|scene| {
        let flood = |number: u32| json!({"flood": 10_000, "from": number * 10_000});
        let replies: Vec<_> = (0..20).map(|number| scene.session.begin_call("cached", &flood(number))).collect();
        let answers = replies.into_iter().map(crate::session::Reply::wait).collect::<Result<_, _>>()?;
        Ok(Seen::Calls(answers, deadline("cached")))
    })
}

fn keep(scene: &Scene) -> Result<(), String> {
    let kept = scene.session.begin_call("kept-cached", &json!({"steps": [["set", "key", "kept", 600_000]]})).wait()?;
    if kept.message["result"]["isError"] == false { Ok(()) } else { Err(kept.message.to_string()) }
}

/// By the same key, and by one that would name it if keys were put together carelessly.
fn robbed() -> Attack {
    Box::new(|scene| {
        keep(scene)?;
        call("cached", json!({"steps": [["get", "key"], ["get", "kept:key"], ["get", "../kept/key"]]}))(scene)
    })
}

/// Far more than all the room of both.
fn displaced() -> Attack {
    Box::new(|scene| {
        keep(scene)?;
        calls(4, "cached", json!({"flood": 12, "bytes": 1 << 20}))(scene)?;
        call("kept-cached", json!({"steps": [["get", "key"]]}))(scene)
    })
}
