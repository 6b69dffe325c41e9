use proptest::prelude::*;

use super::*;

const SERVERS: Table = Table::Json("mcpServers");

fn entry() -> Value {
    json!({"command": "toolcell", "args": ["serve", "plugins"]})
}

fn added(before: &str, table: &Table) -> String {
    match add(Some(before), table, "toolcell", &entry()) {
        Ok(Added::Text(text)) => text,
        other => panic!("{other:?}"),
    }
}

fn refused(before: &str, table: &Table) -> String {
    add(Some(before), table, "toolcell", &entry()).expect_err("it is refused").0
}

#[test]
fn comments_order_and_spaces_stay() {
    let before = "{\n    // mine\n    \"zoom\" : 1,\n    \"mcpServers\": {\n        \"other\": {\"command\": \"x\"}, /* keep */\n    },\n    \"a\":2\n}";
    insta::assert_snapshot!(added(before, &SERVERS));
    let before = "# mine\nmodel = \"x\"   # the small one\n\n[mcp_servers.other]\ncommand = 'y'\n\n[projects.\"/a\"]\ntrust = true\n";
    insta::assert_snapshot!(added(before, &Table::Toml("mcp_servers")));
}

#[test]
fn the_same_entry_is_not_added_twice_and_another_is_not_touched() {
    for table in [SERVERS, Table::Toml("mcp_servers")] {
        let once = match add(None, &table, "toolcell", &entry()) {
            Ok(Added::Text(text)) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(add(Some(&once), &table, "toolcell", &entry()), Ok(Added::Already));
        let other = json!({"command": "toolcell", "args": ["serve", "elsewhere"]});
        let Refused(problem) = add(Some(&once), &table, "toolcell", &other).expect_err("it is somebody's");
        insta::allow_duplicates! { insta::assert_snapshot!("another", problem.replace("mcp_servers", "mcpServers")) };
    }
}

#[test]
fn a_file_that_is_not_understood_is_refused() {
    insta::assert_snapshot!(
        [
            refused("{\n  \"mcpServers\": {,}\n}", &SERVERS),
            refused("[]", &SERVERS),
            refused("{\"mcpServers\": []}", &SERVERS),
            refused("a = \n", &Table::Toml("mcp_servers")),
            refused("mcp_servers = 1\n", &Table::Toml("mcp_servers")),
        ]
        .join("\n\n")
    );
}

proptest! {
    #[test]
    fn nothing_else_changes(
        members in prop::collection::btree_map("[a-z]{1,4}", any::<i32>(), 0..4),
        servers in prop::collection::btree_map("[a-z]{1,4}", "[ -~]{0,8}", 0..3),
        has_servers: bool,
        is_wide: bool,
    ) {
        let mut file = json!(members);
        if has_servers {
            file["mcpServers"] = json!(servers);
        }
        let before = if is_wide { format!("{file:#}") } else { file.to_string() };
        let after = added(&before, &SERVERS);
        let mut parsed: Value = serde_json::from_str(&after).expect("it is JSON");
        let servers = parsed["mcpServers"].as_object_mut().expect("it is an object");
        prop_assert_eq!(servers.remove("toolcell"), Some(entry()));
        if !has_servers {
            parsed.as_object_mut().expect("it is an object").remove("mcpServers");
        }
        prop_assert_eq!(parsed, file);
        prop_assert_eq!(add(Some(&after), &SERVERS, "toolcell", &entry()), Ok(Added::Already));
    }
}
