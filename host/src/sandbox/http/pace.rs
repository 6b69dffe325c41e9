//! How slowly a server may answer. It may think for as long as the call has time; once it has begun to answer, it has to
//! get on with it, or its connection and its call are held for a byte now and then.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
    time::sleep,
};

use crate::receipt::Unreachable;

/// The least that a server has to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LeastRate {
    /// So many bytes of a body, or else a whole head,
    pub(super) bytes: u64,
    /// in each such stretch of time that is spent waiting for the server.
    pub(super) within: Duration,
}

impl Default for LeastRate {
    fn default() -> Self {
        Self { bytes: 1 << 10, within: Duration::from_secs(10) }
    }
}

impl LeastRate {
    /// The failure of a server that is slower.
    pub(super) fn too_slow(self) -> Unreachable {
        let within_ms = u64::try_from(self.within.as_millis()).unwrap_or(u64::MAX);
        Unreachable::TooSlow { bytes: self.bytes, within_ms }
    }
}

/// What a body has sent in the present stretch of waiting. The guest's own pauses do not count.
#[derive(Debug)]
pub(super) struct BodyPace {
    least: LeastRate,
    waited: Duration,
    came: u64,
}

impl BodyPace {
    pub(super) fn new(least: LeastRate) -> Self {
        Self { least, waited: Duration::ZERO, came: 0 }
    }

    /// Counts bytes that came after a wait, and fails where they were too few for too long.
    pub(super) fn count(&mut self, bytes: u64, waited: Duration) -> Result<(), Unreachable> {
        self.came += bytes;
        self.waited += waited;
        if self.waited < self.least.within {
            return Ok(());
        }
        let enough = self.came >= self.least.bytes;
        *self = Self::new(self.least);
        if enough { Ok(()) } else { Err(self.least.too_slow()) }
    }
}

/// A connection that tells when the first byte of the answer has come.
#[derive(Debug)]
pub(super) struct Watched<S> {
    connection: S,
    first_byte: Option<Arc<Notify>>,
}

/// Ends when an answer that has begun should have had its whole head.
pub(super) async fn head_is_late(first_byte: Arc<Notify>, least: LeastRate) {
    first_byte.notified().await;
    sleep(least.within).await;
}

impl<S> Watched<S> {
    pub(super) fn new(connection: S) -> (Self, Arc<Notify>) {
        let first_byte = Arc::new(Notify::new());
        (Self { connection, first_byte: Some(Arc::clone(&first_byte)) }, first_byte)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.connection).poll_read(cx, buffer))?;
        if buffer.filled().len() > before
            && let Some(first_byte) = self.first_byte.take()
        {
            first_byte.notify_one();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_to_come_at_the_least_rate_while_it_is_waited_for() {
        let least = LeastRate::default();
        let second = Duration::from_secs(1);
        let mut drip = BodyPace::new(least);
        let ended = (1..100).find(|_| drip.count(1, second).is_err());
        assert_eq!(ended, Some(10));
        let mut steady = BodyPace::new(least);
        assert!((0..100).all(|_| steady.count(103, second).is_ok()));
        let mut burst = BodyPace::new(least);
        assert_eq!(burst.count(1 << 20, second), Ok(()));
        assert!((0..9).all(|_| burst.count(0, second).is_ok()));
        assert!((0..9).all(|_| burst.count(0, second).is_ok()));
        assert_eq!(burst.count(0, second), Err(Unreachable::TooSlow { bytes: 1024, within_ms: 10_000 }));
        // What is there already when the guest comes back to it was not waited for.
        let mut paused = BodyPace::new(least);
        assert!((0..1_000).all(|_| paused.count(1, Duration::ZERO).is_ok()));
    }
}
