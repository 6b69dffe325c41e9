use super::*;
use crate::{peers, upstream::Upstream};

/// The page at `/metrics`.
fn page(port: u16) -> String {
    let request = format!("GET /metrics HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    let (head, body) = exchange(port, &request);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.contains("application/openmetrics-text; version=1.0.0; charset=utf-8"), "{head}");
    assert!(body.ends_with("# EOF\n"), "{body}");
    body
}

/// Every series with its value.
fn series(page: &str) -> BTreeMap<String, f64> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| line.rsplit_once(' ').expect("a series and its value"));
    pairs.map(|(series, value)| (series.to_owned(), value.parse().expect("a number"))).collect()
}

fn metrics_port(server: &Client) -> u16 {
    let words = "metrics are at http://127.0.0.1:";
    port(&server.wait_for_log(words), words)
}

#[test]
fn metrics_say_what_was_called() {
    let upstream = Upstream::handling(|mut connection| {
        if collector::read_request(&mut connection).is_some() {
            let _ = connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
        }
    });
    let folder = Folder::new(&[("echo", ""), ("toolerror", ""), ("fetches", &upstream.asked())]);
    folder.lock().add("panics", "");
    let mut client = folder.serve_with(&["--locked", "--metrics", "127.0.0.1:0"]);
    let metrics = metrics_port(&client);
    for _ in 0..3 {
        client.call("echo", json!({"message": "hi"}));
    }
    client.call("echo", json!({"message": 7}));
    client.call("toolerror", json!({}));
    client.call("fetches", json!({"url": upstream.url("/secret?path=1"), "method": "POST", "body": "abc"}));
    client.call("fetches", json!({"url": "https://elsewhere.example/", "swallow": true}));
    client.request("tools/call", json!({"name": "nothing", "arguments": {}}));

    let page = page(metrics);
    let series = series(&page);
    let server = upstream.url("");
    for (name, value) in [
        ("toolcell_calls_total{plugin=\"echo\",tool=\"echo\",outcome=\"ok\"}".to_owned(), 3.0),
        ("toolcell_calls_total{plugin=\"echo\",tool=\"echo\",outcome=\"invalid_arguments\"}".to_owned(), 1.0),
        ("toolcell_calls_total{plugin=\"toolerror\",tool=\"toolerror\",outcome=\"tool_error\"}".to_owned(), 1.0),
        ("toolcell_calls_total{plugin=\"fetches\",tool=\"fetches\",outcome=\"ok\"}".to_owned(), 2.0),
        ("toolcell_unknown_tool_calls_total".to_owned(), 1.0),
        ("toolcell_calls_in_flight{plugin=\"echo\"}".to_owned(), 0.0),
        ("toolcell_calls_waiting{plugin=\"echo\"}".to_owned(), 0.0),
        ("toolcell_call_duration_seconds_count{plugin=\"echo\",tool=\"echo\"}".to_owned(), 4.0),
        ("toolcell_call_guest_duration_seconds_count{plugin=\"echo\",tool=\"echo\"}".to_owned(), 3.0),
        ("toolcell_call_memory_peak_bytes_count{plugin=\"echo\",tool=\"echo\"}".to_owned(), 3.0),
        (format!("toolcell_upstream_requests_total{{plugin=\"fetches\",server=\"{server}\",outcome=\"2xx\"}}"), 1.0),
        (format!("toolcell_upstream_sent_bytes_total{{plugin=\"fetches\",server=\"{server}\"}}"), 3.0),
        (format!("toolcell_upstream_received_bytes_total{{plugin=\"fetches\",server=\"{server}\"}}"), 5.0),
        ("toolcell_denials_total{plugin=\"fetches\",kind=\"denied_network\"}".to_owned(), 1.0),
        ("toolcell_plugins{state=\"served\"}".to_owned(), 3.0),
        ("toolcell_plugins{state=\"unserved\"}".to_owned(), 1.0),
        ("toolcell_tools".to_owned(), 3.0),
        ("toolcell_instance_slots_used".to_owned(), 0.0),
        (format!("toolcell_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1.0),
    ] {
        assert_eq!(series.get(&name), Some(&value), "{name}\n{page}");
    }
    for name in
        ["process_start_time_seconds", "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"]
    {
        assert!(series.get(name).is_some_and(|value| *value > 0.0), "{name}\n{page}");
    }
    assert!(!page.contains("secret") && !page.contains("user="), "{page}");

    // By the reference implementation of the format.
    let told = peers::openmetrics(&page);
    assert_eq!(told["toolcell_calls"], "counter", "{told}");
    assert_eq!(told["toolcell_call_duration_seconds"], "histogram", "{told}");
}

#[test]
fn metrics_of_a_server_over_http_name_users_where_toolcell_toml_says_so() {
    let folder = echo();
    folder.write("toolcell.toml", "[metrics]\nlisten = \"127.0.0.1:0\"\nusers = true\n");
    let (server, port) = serve_http(&mut folder.toolcell());
    call_over_http(port, "echo", json!({"message": "hi"}), &[], &json!({}));
    let metrics = metrics_port(&server);
    let page = page(metrics);
    let named = "toolcell_calls_total{plugin=\"echo\",tool=\"echo\",outcome=\"ok\",user=\"local\"}";
    assert_eq!(series(&page).get(named), Some(&1.0), "{page}");
    // Not for a page in a browser that was led here by a name of its own.
    let foreign = format!("GET /metrics HTTP/1.1\r\nHost: evil.example:{metrics}\r\nConnection: close\r\n\r\n");
    assert!(exchange(metrics, &foreign).0.starts_with("HTTP/1.1 403 "));
    assert!(exchange(port, &foreign.replace("evil.example", "localhost")).0.starts_with("HTTP/1.1 404 "));
}

#[test]
fn the_second_client_of_a_folder_is_served_without_metrics() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let address = taken.local_addr().expect("it is bound").to_string();
    let folder = echo();
    folder.write("toolcell.toml", &format!("[metrics]\nlisten = \"{address}\"\n"));
    let mut client = folder.serve();
    assert_eq!(client.call("echo", json!({"message": "hi"}))["structuredContent"], json!({"message": "hi"}));
    client.wait_for_log(&format!("metrics are not served: cannot listen at {address} for metrics: "));
    // Who asks for it on the command line is told that it does not work.
    let refused = folder.toolcell().args(["serve", "--locked", "--metrics", &address]).output().expect("it ends");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains(&format!("cannot listen at {address} for metrics")), "{said}");
}
