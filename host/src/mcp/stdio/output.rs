//! What waits to be written, in bounded memory as far as the client can be asked to wait.

use std::{future::Future, io, time::Duration};

use rmcp::model::ServerJsonRpcMessage;
use tokio::{sync::watch, time::timeout};

use super::descriptors::Writer;

/// Bytes that may wait before nothing more is read from the client and no more progress is told.
const CROWDED: usize = 8 << 20;

/// Bytes that stay allocated while nothing waits.
const KEPT: usize = 256 << 10;

/// How long the client may take nothing at all before what still waits at the end is given up.
const PATIENCE: Duration = Duration::from_millis(250);

/// Messages on their way out, each with its line feed.
pub(super) struct Output {
    writer: Writer,
    waiting: Vec<u8>,
    /// How much of `waiting` is written already.
    written: usize,
    crowded: watch::Sender<bool>,
}

impl Output {
    pub(super) fn new(writer: Writer) -> Self {
        Self { writer, waiting: Vec::new(), written: 0, crowded: watch::Sender::new(false) }
    }

    /// Puts a message down. It is written with the next [`Output::write`].
    pub(super) fn push(&mut self, message: &ServerJsonRpcMessage) -> io::Result<()> {
        let before = self.waiting.len();
        if let Err(error) = serde_json::to_writer(&mut self.waiting, message) {
            // Half a message must not reach the client.
            self.waiting.truncate(before);
            return Err(error.into());
        }
        self.waiting.push(b'\n');
        self.note_crowd();
        Ok(())
    }

    /// Writes as much as the client takes now.
    pub(super) fn write(&mut self) -> io::Result<()> {
        while !self.is_empty() {
            match self.writer.write(&self.waiting[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        if self.is_empty() {
            self.waiting.clear();
            self.waiting.shrink_to(KEPT);
            self.written = 0;
        }
        self.note_crowd();
        Ok(())
    }

    /// Waits until the client takes more.
    pub(super) async fn writable(&self) -> io::Result<()> {
        self.writer.writable().await
    }

    /// Writes the rest and closes the writer, giving up once the client takes nothing any more.
    pub(super) async fn finish(&mut self) -> io::Result<()> {
        self.write()?;
        while !self.is_empty() {
            timeout(PATIENCE, self.writable()).await??;
            self.write()?;
        }
        timeout(PATIENCE, self.writer.close()).await?;
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() - self.written
    }

    /// Whether the client reads so slowly that it should not be told more.
    pub(super) fn is_crowded(&self) -> bool {
        self.len() > CROWDED
    }

    /// Waits until the output is not crowded.
    pub(super) fn room(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut crowded = self.crowded.subscribe();
        async move {
            // An error means that the output is gone, and with it the crowd.
            let _ = crowded.wait_for(|crowded| !crowded).await;
        }
    }

    fn note_crowd(&self) {
        let crowded = self.is_crowded();
        self.crowded.send_if_modified(|before| std::mem::replace(before, crowded) != crowded);
    }
}
