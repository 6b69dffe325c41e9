//! What a guest writes to a file through a stream, counted.

use std::sync::Arc;

use bytes::Bytes;
use wasmtime_wasi::p2::{DynOutputStream, OutputStream, Pollable, StreamError, StreamResult};

use super::Written;

/// A file's own stream, which ends the call when it wrote too much.
pub(super) struct Counted {
    file: DynOutputStream,
    written: Arc<Written>,
}

impl Counted {
    pub(super) fn new(file: DynOutputStream, written: Arc<Written>) -> Self {
        Self { file, written }
    }

    fn charge(&self, bytes: usize) -> StreamResult<()> {
        self.written.charge(bytes as u64).map_err(|too_much| StreamError::Trap(too_much.into()))
    }
}

#[wasmtime_wasi::async_trait]
impl OutputStream for Counted {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.charge(bytes.len())?;
        self.file.write(bytes)
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.charge(bytes.len())?;
        self.file.blocking_write_and_flush(bytes).await
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.file.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.file.check_write()
    }

    async fn cancel(&mut self) {
        self.file.cancel().await;
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Counted {
    async fn ready(&mut self) {
        self.file.ready().await;
    }
}
