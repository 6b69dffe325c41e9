//! Plugins that never finish telling their tools. Each is given half a minute, so that they have servers of their own, which
//! run beside the other cases with what processor time those leave.

use std::{
    collections::BTreeMap,
    process::Command,
    sync::{Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::json;

use crate::{
    client::Client,
    components::ByHand,
    files::review_unseen,
    folder::Folder,
    oracle::{Case, Expected, Seen},
};

const PLUGIN: &str = "endless";

/// What each case is called, and the component.
fn made() -> [(&'static str, ByHand<'static>); 2] {
    let forever = "(loop $again (br $again)) unreachable";
    [
        ("endless loop in list-tools", ByHand { list: forever, ..ByHand::default() }),
        (
            "endless loop at the start",
            ByHand { fields: "(func $first (loop $again (br $again))) (start $first)", ..ByHand::default() },
        ),
    ]
}

/// The loads under way.
#[derive(Default)]
pub struct Endless(Mutex<BTreeMap<&'static str, JoinHandle<Result<String, String>>>>);

impl Endless {
    /// Begins to load those that the cases are about.
    pub fn begin(cases: &[&Case]) -> Self {
        let wanted = made().into_iter().filter(|(name, _)| cases.iter().any(|case| case.name == *name));
        let begun = wanted.map(|(name, parts)| {
            let component = parts.component(PLUGIN);
            (name, thread::spawn(move || load(&component)))
        });
        Self(Mutex::new(begun.collect()))
    }
}

/// Serves a plugin and lets this one come; gives the line of the log that refuses it.
fn load(component: &[u8]) -> Result<String, String> {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    let serve = folder.toolcell();
    let mut nice = Command::new("nice");
    nice.args(["-n", "19"]).arg(serve.get_program()).args(["serve", "--locked"]);
    nice.envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
    nice.current_dir(serve.get_current_dir().unwrap_or(&folder.plugins()));
    let mut client = Client::start(&mut nice);
    let hello =
        json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    client.request("initialize", hello);
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string());
    review_unseen(&folder, PLUGIN, component);
    folder.add_component(PLUGIN, "", component);
    while !client.log().contains("plugin endless is not served: component not valid") {
        let answer = client.call("echo", json!({"message": "hi"}));
        if answer["structuredContent"]["message"] != "hi" {
            return Err(format!("meanwhile: {answer}"));
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(client.wait_for_log("plugin endless is not served: component not valid"))
}

pub fn cases() -> Vec<Case> {
    let names = made().map(|(name, _)| name);
    let case = |name: &'static str| Case {
        name: name.to_owned(),
        guest: "",
        expected: Expected::Refused("stopped at its deadline of 10s"),
        attack: Box::new(move |scene| {
            let load = scene.endless.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
            let line = load.ok_or("it was not begun")?.join().map_err(|_| "it panicked")??;
            Ok(Seen::Refusal { plugin: PLUGIN.to_owned(), line })
        }),
    };
    names.map(case).into()
}
