//! Has the tools that the conformance suite of MCP asks a server for.

use std::{thread::sleep, time::Duration};

use toolcell_test_programs::{
    Answer, Guest, Output, Tool, ToolError, Value,
    bindings::toolcell::plugin::tool_types::{Blob, Content, Contents, Embedded},
    failed, http, json, log, parse, progress, text, tool,
};

/// One red pixel (PNG, third edition).
const PNG: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 1, 0, 0, 0, 1, 8,
    2, 0, 0, 0, 0x90, 0x77, 0x53, 0xde, 0, 0, 0, 0x0c, 0x49, 0x44, 0x41, 0x54, 0x08, 0xd7, 0x63, 0xf8, 0xcf, 0xc0, 0,
    0, 3, 1, 1, 0, 0x18, 0xdd, 0x8d, 0xb0, 0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

/// Silence of no length: 8,000 samples of 8 bits a second, one channel.
const WAV: &[u8] = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\0\0\0\0";

/// A tool's name, what it says of itself, and what it does.
type Fixture = (&'static str, &'static str, fn(&Value) -> Answer);

/// What the suite calls, by name.
const TOOLS: [Fixture; 11] = [
    ("test_simple_text", "Returns a text.", |_| text("This is a simple text response for testing.")),
    ("test_image_content", "Returns an image.", |_| contents(vec![image()])),
    ("test_audio_content", "Returns a sound.", |_| contents(vec![Content::Audio(blob(WAV, "audio/wav"))])),
    ("test_embedded_resource", "Returns a resource.", |_| {
        contents(vec![resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")])
    }),
    ("test_multiple_content_types", "Returns a text, an image and a resource.", |_| {
        let resource = resource("test://mixed-content-resource", "application/json", r#"{"test":"data","value":123}"#);
        contents(vec![Content::Text("Multiple content types test:".to_owned()), image(), resource])
    }),
    ("test_error_handling", "Fails.", |_| failed("on_purpose", "This tool intentionally returns an error for testing")),
    ("test_tool_with_progress", "Reports 0, 50 and 100 of 100, 50 ms apart.", |_| progresses()),
    ("test_logging_tool", "Writes lines to the host's log.", |_| logs()),
    ("test_streaming_elicitation", "Reports progress. Asks the client nothing: the host offers no way to.", |_| {
        progresses()
    }),
    ("test_trigger_tool_change", "Has the server at trigger.example change the list of tools.", |_| triggers()),
    ("test_custom_header", "Takes `region`, which clients repeat as a header.", |arguments| text(&arguments["region"])),
];

/// The plugin.
pub struct Program;

impl Guest for Program {
    fn list_tools() -> Vec<Tool> {
        TOOLS.iter().map(|(name, description, _)| listed(name, description)).collect()
    }

    fn call_tool(name: String, arguments: String) -> Result<Output, ToolError> {
        let (.., call) = TOOLS.iter().find(|(tool, ..)| *tool == name).expect("the host calls what was listed");
        call(&parse(&arguments)).map_err(|error| *error)
    }
}

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, reason = "the exports are generated, and their names are the contract's")]
const _: () = {
    toolcell_test_programs::bindings::export!(Program);
};

fn listed(name: &str, description: &str) -> Tool {
    let listed = tool(name, description);
    if name != "test_custom_header" {
        return listed;
    }
    let region = json!({ "type": "string", "x-mcp-header": "Region" });
    let input_schema = json!({ "type": "object", "properties": { "region": region }, "required": ["region"] });
    Tool { input_schema: input_schema.to_string(), ..listed }
}

fn contents(content: Vec<Content>) -> Answer {
    Ok(Output { content, structured: None, extra: None })
}

fn image() -> Content {
    Content::Image(blob(PNG, "image/png"))
}

fn blob(data: &[u8], mime_type: &str) -> Blob {
    Blob { data: data.to_vec(), mime_type: mime_type.to_owned() }
}

fn resource(uri: &str, mime_type: &str, text: &str) -> Content {
    let contents = Contents::Text(text.to_owned());
    Content::Embedded(Embedded { uri: uri.to_owned(), mime_type: Some(mime_type.to_owned()), contents })
}

fn progresses() -> Answer {
    for done in [0.0, 50.0, 100.0] {
        progress::report(done, Some(100.0), None);
        sleep(Duration::from_millis(50));
    }
    text("reported")
}

fn logs() -> Answer {
    for line in ["started", "half way", "done"] {
        log::log(log::Level::Info, line);
    }
    text("logged")
}

fn triggers() -> Answer {
    let request = http::Request {
        method: "GET".to_owned(),
        url: "https://trigger.example/".to_owned(),
        headers: Vec::new(),
        body: None,
        timeout_ms: None,
        extra: None,
    };
    match http::send(&request) {
        Ok(_) => text("the list of tools changes"),
        Err(error) => failed("not_triggered", error.message),
    }
}
