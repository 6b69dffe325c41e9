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

use crate::redact::Redactor;

/// Bytes of the end of a guest's output that are kept: enough for a panic and what led to it.
const KEPT: usize = 4 << 10;
/// Bytes that one write may bring.
const MAX_WRITE: usize = 64 << 10;

/// The end of what a guest wrote to stdout or stderr. Writing always succeeds: a stream that closes when it is full makes
/// `println!` panic, and wasmtime's own pipes grow with empty writes (GHSA-5m8g).
#[derive(Debug, Clone, Default)]
pub(super) struct Captured {
    kept: Arc<Mutex<VecDeque<u8>>>,
    redactor: Option<Arc<Redactor>>,
}

impl Captured {
    /// Without the secrets that the redactor knows.
    pub(super) fn new(redactor: Option<Arc<Redactor>>) -> Self {
        Self { kept: Arc::default(), redactor }
    }

    fn append(&self, bytes: &[u8]) {
        // What is kept besides is for a secret that its end alone would be left of.
        let room = KEPT + self.redactor.as_ref().map_or(0, |redactor| redactor.longest());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let new = &bytes[bytes.len().saturating_sub(room)..];
        let surplus = (kept.len() + new.len()).saturating_sub(room);
        kept.drain(..surplus);
        kept.extend(new);
    }

    /// What was kept. A character cut in half at the beginning is left out.
    pub(super) fn text(&self) -> String {
        let mut bytes: Vec<u8> = self.kept.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        if let Some(redactor) = &self.redactor {
            redactor.bytes(&mut bytes);
        }
        let end = &bytes[bytes.len().saturating_sub(KEPT)..];
        let cut = end.iter().take_while(|byte| *byte & 0xC0 == 0x80).count();
        String::from_utf8_lossy(&end[cut..]).into_owned()
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
    fn no_part_of_a_secret_is_left_at_the_beginning() {
        let secret = "hunter2hunter2";
        let redactor = Arc::new(Redactor::new(&[crate::redact::Secret::new(secret)]));
        for after in KEPT - secret.len()..KEPT {
            let captured = Captured::new(Some(Arc::clone(&redactor)));
            captured.append(&[b'x'; 2 * KEPT]);
            // In two writes, as a guest may.
            captured.append(&secret.as_bytes()[..5]);
            captured.append(&secret.as_bytes()[5..]);
            captured.append(&vec![b'y'; after]);
            let text = captured.text();
            assert!(
                text.len() == KEPT && text.trim_start_matches(['x', '*']).trim_end_matches('y').is_empty(),
                "{text}"
            );
        }
    }

    #[test]
    fn half_a_character_is_left_out() {
        let captured = Captured::default();
        captured.append("é".repeat(KEPT).as_bytes());
        captured.append(b"!");
        assert!(captured.text().starts_with('é'));
    }
}
