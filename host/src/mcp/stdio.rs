//! The protocol over standard input and output: one JSON-RPC message on each line (MCP 2026-07-28, basic/transports).
//!
//! rmcp's own transports block on sockets, which Node clients pass, and leave lines unanswered that they cannot read. Here
//! everything runs in the one task that rmcp polls `receive` from: it reads, decodes, and writes what
//! `send` has put down, in one write for all that is there.

use std::{future::Future, io, sync::Arc, time::Duration};

use rmcp::{
    RoleServer,
    model::{
        ClientJsonRpcMessage, ClientNotification, ClientRequest, ErrorData, GetExtensions, JsonRpcError,
        JsonRpcMessage, RequestId, ServerJsonRpcMessage,
    },
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::yield_now,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::message;
use crate::text;

use descriptors::Reader;
use in_flight::InFlight;
use lines::{Line, Lines};
use output::Output;

mod descriptors;
mod in_flight;
mod lines;
mod output;

pub use descriptors::Stdio;

/// Requests that are read before the first of them has to end. Above what the host runs at once, so that the host, not the
/// transport, decides what waits.
const MAX_IN_FLIGHT: usize = 4096;

/// Characters of an id that are shown.
const ID_LENGTH: usize = 80;

/// Bytes that are written at once, whatever else is ready to be answered.
const BATCH: usize = 64 << 10;

/// How long nothing may move before it is looked whether the client, from which nothing is read then, has gone.
const STUCK: Duration = Duration::from_millis(100);

/// The transport between one client and rmcp.
pub(super) struct Transport {
    reader: Reader,
    lines: Lines,
    output: Output,
    in_flight: InFlight,
    /// A permit for each request that is read before the first of them has to end.
    places: Arc<Semaphore>,
    /// Taken before the request is read that will hold it: what was read cannot be put back.
    permit: Option<OwnedSemaphorePermit>,
    input_ended: CancellationToken,
    /// An `initialize` that is not answered yet. What follows it is not read before: rmcp handles requests side by side, and
    /// scripts send the first calls without waiting.
    opening: Option<RequestId>,
}

impl Transport {
    /// A transport over `stdio` that cancels `input_ended` when the client has closed its end, or has stopped reading for
    /// good. Must be called within a runtime.
    pub(super) fn new(stdio: Stdio, input_ended: CancellationToken) -> io::Result<Self> {
        let (reader, writer) = stdio.register()?;
        Ok(Self {
            reader,
            lines: Lines::default(),
            output: Output::new(writer),
            in_flight: InFlight::default(),
            places: Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
            permit: None,
            input_ended,
            opening: None,
        })
    }

    /// The next message, or the reason why there is none any more. Nothing is lost when the future is dropped.
    async fn next(&mut self) -> io::Result<Option<ClientJsonRpcMessage>> {
        loop {
            self.write().await?;
            if self.opening.is_some() {
                // The answer comes by `send`, and with it the next call of this.
                tokio::select! {
                    writable = self.output.writable(), if !self.output.is_empty() => writable?,
                    () = std::future::pending() => {}
                }
                continue;
            }
            if self.output.is_crowded() || self.permit.is_none() {
                tokio::select! {
                    // In this order: a timer that is looked at costs a system call, and mostly there is a permit.
                    biased;
                    permit = Arc::clone(&self.places).acquire_owned(), if self.permit.is_none() => self.permit = permit.ok(),
                    writable = self.output.writable(), if !self.output.is_empty() => writable?,
                    () = sleep(STUCK) => if self.reader.is_hung_up().await {
                        return Ok(None);
                    }
                }
                continue;
            }
            match self.lines.next() {
                Some(Line::Whole(line)) => match message::decode(line) {
                    Ok(Some(message)) => match self.admit(message) {
                        Ok(message) => return Ok(Some(message)),
                        Err(reply) => self.output.push(&JsonRpcMessage::Error(reply))?,
                    },
                    Ok(None) => {}
                    Err(reply) => self.output.push(&JsonRpcMessage::Error(reply))?,
                },
                Some(Line::TooLong) => self.output.push(&too_long())?,
                Some(Line::End) => return Ok(None),
                None => {
                    tokio::select! {
                        read = self.reader.read(self.lines.room()) => {
                            if read? == 0 {
                                self.lines.end();
                            }
                        }
                        writable = self.output.writable(), if !self.output.is_empty() => writable?,
                    }
                }
            }
        }
    }

    /// Writes what waits, after what else is ready to run has run: the answers of calls that end together go out together.
    async fn write(&mut self) -> io::Result<()> {
        if (1..BATCH).contains(&self.output.len()) {
            yield_now().await;
        }
        self.output.write()
    }

    /// Gives a request the permit that it holds until its handler has ended. One whose id is still in use is answered here.
    fn admit(&mut self, mut message: ClientJsonRpcMessage) -> Result<ClientJsonRpcMessage, JsonRpcError> {
        match &mut message {
            JsonRpcMessage::Request(request) => {
                let id = request.id.clone();
                if self.in_flight.admit(&id).is_none() {
                    return Err(JsonRpcError::new(Some(id.clone()), in_use(&id)));
                }
                if matches!(request.request, ClientRequest::InitializeRequest(_)) {
                    self.opening = Some(id.clone());
                }
                // rmcp moves the extensions into the handler's context, and drops them with it.
                let held = self.in_flight.held(id, self.permit.take());
                request.request.extensions_mut().insert(Arc::new(held));
            }
            JsonRpcMessage::Notification(notification) => {
                if let ClientNotification::CancelledNotification(cancelled) = &notification.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    self.in_flight.cancelled(id);
                }
            }
            _ => {}
        }
        Ok(message)
    }
}

impl rmcp::transport::Transport<RoleServer> for Transport {
    type Error = io::Error;

    /// Puts the message down for the next write. The future is ready at once, save where the client reads more slowly than
    /// it is told of progress: then it waits until there is room.
    fn send(&mut self, message: ServerJsonRpcMessage) -> impl Future<Output = io::Result<()>> + Send + 'static {
        if let Some(id) = answered(&message) {
            self.in_flight.answered(id);
            if self.opening.as_ref() == Some(id) {
                self.opening = None;
            }
        }
        let mut pushed = self.output.push(&message);
        if self.input_ended.is_cancelled() {
            // Nobody polls `receive` any more, which writes otherwise.
            pushed = pushed.and_then(|()| self.output.write());
        }
        let room = matches!(message, JsonRpcMessage::Notification(_)).then(|| self.output.room());
        async move {
            pushed?;
            if let Some(room) = room {
                room.await;
            }
            Ok(())
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        let message = self.next().await.unwrap_or_else(|error| {
            tracing::debug!(%error, "the client has gone");
            None
        });
        if message.is_none() {
            self.input_ended.cancel();
        }
        message
    }

    async fn close(&mut self) -> io::Result<()> {
        if let Err(error) = self.output.finish().await {
            tracing::debug!(%error, "the client has gone before it took everything");
        }
        Ok(())
    }
}

/// The request that the message answers.
fn answered(message: &ServerJsonRpcMessage) -> Option<&RequestId> {
    match message {
        JsonRpcMessage::Response(response) => Some(&response.id),
        JsonRpcMessage::Error(error) => error.id.as_ref(),
        _ => None,
    }
}

fn in_use(id: &RequestId) -> ErrorData {
    let id = text::shown(&id.to_string(), ID_LENGTH);
    ErrorData::invalid_request(
        format!("the request was not read: an earlier one with the id {id} is not answered yet; give each its own id"),
        None,
    )
}

fn too_long() -> ServerJsonRpcMessage {
    let limit = Lines::MAX_LENGTH >> 20;
    let problem = format!("the line was not read: it is longer than {limit} MiB, the most that one message may have");
    ServerJsonRpcMessage::error(ErrorData::invalid_request(problem, None), None)
}

#[cfg(test)]
mod tests;
