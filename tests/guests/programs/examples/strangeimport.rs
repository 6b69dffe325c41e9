//! Imports an interface that no host of Toolcell offers.

use toolcell_test_programs::{Answer, Value, plugin, text, tool};

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package strange:host@1.0.0;
            interface backdoor { open: func() -> u32; }
            world program { import backdoor; }
        ",
    });
}

plugin!(tool("strangeimport", "Calls an interface that does not exist."), strangeimport);

fn strangeimport(_arguments: &Value) -> Answer {
    text(bindings::strange::host::backdoor::open())
}
