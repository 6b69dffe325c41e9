//! What a guest prints is kept in a bounded buffer and never reaches the host's own stdout or stderr.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

/// Bytes of the end of a guest's output that are kept: enough for a panic and what led to it.
const KEPT: usize = 4 << 10;
/// Bytes that one write may bring.
const MAX_WRITE: usize = 64 << 10;

/// The end of what a guest wrote to stdout or stderr. Writing always succeeds: a stream that closes when it is full makes
/// `println!` panic, and wasmtime's own pipes grow with empty writes (GHSA-5m8g).
#[derive(Debug, Clone, Default)]
pub(super) struct Captured(Arc<Mutex<VecDeque<u8>>>);

impl Captured {
    fn append(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = &bytes[bytes.len().saturating_sub(KEPT)..];
        let surplus = (kept.len() + new.len()).saturating_sub(KEPT);
        kept.drain(..surplus);
        kept.extend(new);
    }

    /// What was kept. A character cut in half at the beginning is left out.
    pub(super) fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.iter().copied().skip_while(|byte| byte & 0xC0 == 0x80).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl IsTerminal for Captured {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Captured {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Captured {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.append(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_WRITE)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Captured {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Captured {
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.append(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept() {
        let captured = Captured::default();
        for _ in 0..1_000 {
            captured.append(&[b'x'; 1_000]);
        }
        captured.append(b"");
        captured.append(b"the end");
        let text = captured.text();
        assert_eq!(text.len(), KEPT);
        assert!(text.ends_with("xthe end"));
    }

    #[test]
    fn half_a_character_is_left_out() {
        let captured = Captured::default();
        captured.append("é".repeat(KEPT).as_bytes());
        captured.append(b"!");
        assert!(captured.text().starts_with('é'));
    }
}
