//! Requests of a call that carries a [`Replay`]: judged and counted as all are, and answered over a pipe in memory.

use std::{convert::Infallible, time::Duration};

use http::Response;
use tokio::io::{self, AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::{
    CONNECT, Sender, Used,
    error::Cause,
    exchange::{self, ResponseBody},
    permits::Permits,
    request::{Checked, Invalid},
    trace::Ongoing,
};
use crate::{
    receipt::{Stage, Unreachable},
    replay::{Replay, Reply},
};

/// Bytes that wait in the pipe.
const PIPE: usize = 64 << 10;

impl Sender {
    /// In place of dialling.
    pub(super) async fn replayed(
        &self,
        replay: &Replay,
        request: Checked,
        used: &Used,
        ongoing: Ongoing,
    ) -> Result<Response<ResponseBody>, Cause> {
        let network = &self.network.0;
        let permits = Permits::acquire(&used.connections, &self.plugin, &network.connections, &request.server);
        let permits = ongoing.within(Stage::Queue, ongoing.deadline, permits).await?;
        let own_timeout = request.timeouts.total.or(request.timeouts.first_byte);
        let timed_out = |stage, after: Duration| {
            let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
            Cause::from(Unreachable::Timeout { stage, after_ms })
        };
        match replay.reply(request.method(), &request.url(), &request.server) {
            Reply::Answer { status, headers, body } => {
                let sent = response(status, &headers, &body, request.method() == "HEAD");
                exchange::exchange(pipe(sent), permits, request, ongoing, network.least_rate, None).await
            }
            Reply::Refuse => Err(Unreachable::Refused.into()),
            Reply::TimeOut => {
                let connect = request.timeouts.connect.or(own_timeout).map_or(CONNECT, |own| own.min(CONNECT));
                Err(timed_out(Stage::Connect, connect))
            }
            Reply::Silence => {
                if let Some(own) = own_timeout.filter(|own| *own < self.grant.limits().deadline) {
                    return Err(timed_out(Stage::Answer, own));
                }
                let silence = std::future::pending::<Infallible>();
                match ongoing.within(Stage::Answer, ongoing.deadline, silence).await? {}
            }
            Reply::Unexpected => {
                let problem = "no answer to it is given, and nothing else is reached where answers are given";
                Err(Cause::Invalid(Invalid::Url(problem.to_owned())))
            }
        }
    }
}

/// The other end of the pipe waits for the request, as a server does, answers, and takes what else comes.
fn pipe(response: Vec<u8>) -> DuplexStream {
    let (ours, mut theirs) = io::duplex(PIPE);
    tokio::spawn(async move {
        let mut request = vec![0; PIPE];
        if theirs.read(&mut request).await.is_ok_and(|read| read > 0) && theirs.write_all(&response).await.is_ok() {
            // The guest's end is closed once it has read the answer, or given it up.
            while theirs.read(&mut request).await.is_ok_and(|read| read > 0) {}
        }
    });
    ours
}

/// The answer as it stands on the wire.
fn response(status: u16, headers: &[(String, String)], body: &[u8], is_head: bool) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} \r\n");
    // The host has the whole body, so it is the one who knows how long that is.
    let is_length = |name: &str| ["content-length", "transfer-encoding"].iter().any(|it| name.eq_ignore_ascii_case(it));
    for (name, value) in headers.iter().filter(|(name, _)| is_head || !is_length(name)) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if is_head {
        return (head + "\r\n").into_bytes();
    }
    let mut response = format!("{head}content-length: {}\r\n\r\n", body.len()).into_bytes();
    response.extend_from_slice(body);
    response
}
