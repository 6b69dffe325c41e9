//! A failure without a case, or a guest without one, fails the suite.

use std::collections::BTreeSet;

use toolcell::failure::Code;

use crate::{
    cache, commands::strict, conformance, console::browser, failure, http, isolation, load, log, made_for, permission,
    plain, wasi,
};

/// Guests that no case of a failure is about, and the test that each is for.
const OTHERS: &[(&str, fn())] = &[
    ("atomics", cache::what_many_calls_change_at_once_is_counted_right),
    ("badname", permission::bad_components_are_named),
    ("badschema_draft", permission::bad_components_are_named),
    ("badschema_json", permission::bad_components_are_named),
    ("badschema_ref", permission::bad_components_are_named),
    ("badschema_root", permission::bad_components_are_named),
    ("bidi", permission::bad_components_are_named),
    ("conformance", conformance::the_newer_era),
    ("counter", isolation::nothing_carries_over),
    ("drafts", wasi::drafts_of_wasi_are_served_with_what_is_granted),
    ("envdump", isolation::the_hosts_environment_is_out_of_reach),
    ("forms", browser::the_page_in_a_browser),
    ("listtraps", permission::bad_components_are_named),
    ("logs", log::log_lines_name_plugin_tool_and_call),
    ("plain_sums", plain::functions_of_worlds_are_tools_and_run_futures),
    ("plain_types", plain::every_function_of_an_interface_is_a_tool),
    ("plain_web", plain::a_function_reaches_by_wasi_http_what_was_granted),
    ("prints", log::what_a_guest_prints_never_reaches_the_client),
    ("progresses", load::progress_is_sent_while_the_call_runs),
    ("story", strict::each_bad_plugin_fails_its_rule_alone),
    ("story_hiding", strict::each_bad_plugin_fails_its_rule_alone),
    ("story_moody", strict::each_bad_plugin_fails_its_rule_alone),
    ("story_mute", strict::each_bad_plugin_fails_its_rule_alone),
    ("story_shapeless", strict::each_bad_plugin_fails_its_rule_alone),
    ("story_terse", strict::each_bad_plugin_fails_its_rule_alone),
    ("story_trace", strict::each_bad_plugin_fails_its_rule_alone),
    ("story_vague", strict::each_bad_plugin_fails_its_rule_alone),
    ("strangeimport", permission::bad_components_are_named),
    ("toolerror", failure::tool_error),
    ("wasihttp", http::what_is_granted_is_reached),
];

/// A guest cannot make the host panic, as far as is known; `Host::call`'s own test provokes and words this one.
const UNPROVOKED: [Code; 1] = [Code::Unexpected];

#[test]
fn every_failure_has_a_case() {
    let provoked: BTreeSet<_> = failure::CASES.iter().map(|(code, _)| *code).chain(UNPROVOKED).collect();
    let all: BTreeSet<_> = Code::ALL.iter().copied().collect();
    assert_eq!(provoked, all);
}

#[test]
fn every_guest_has_a_case() {
    let used = failure::CASES.iter().map(|(_, guest)| *guest).chain(OTHERS.iter().map(|(guest, _)| *guest));
    let used: BTreeSet<_> = used.chain(made_for::HOSTILE).collect();
    let all: BTreeSet<_> = toolcell_test_guests::ALL.iter().map(|(guest, _)| *guest).collect();
    assert_eq!(used, all);
}

#[test]
fn the_readme_names_every_failure() {
    let readme = include_str!("../../README.md");
    for code in Code::ALL {
        assert!(readme.contains(&format!("`{}`", code.as_str())), "README.md does not name {code:?}");
    }
}
