//! A connection that nobody can hold without using it.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use http::Version;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// How long anything may take on a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// From the first byte of a request's head to its last, and from the opening of a connection to its first request.
    pub(super) head: Duration,
    /// Between requests.
    pub(super) idle: Duration,
    /// Without the client taking a byte of what is written to it.
    pub(super) stalled: Duration,
}

/// What happens on a connection: known to those who serve its requests, needed by the one who reads its bytes.
#[derive(Debug)]
pub(super) struct Activity {
    begun: AtomicU64,
    under_way: AtomicUsize,
    ended: Mutex<Instant>,
    is_multiplexed: AtomicBool,
    first: CancellationToken,
    /// Requests of all connections.
    all: Arc<AtomicUsize>,
}

impl Activity {
    pub(super) fn new(all: Arc<AtomicUsize>) -> Arc<Self> {
        Arc::new(Self {
            begun: AtomicU64::new(0),
            under_way: AtomicUsize::new(0),
            ended: Mutex::new(Instant::now()),
            is_multiplexed: AtomicBool::new(false),
            first: CancellationToken::new(),
            all,
        })
    }

    /// A request has come; it is under way until what is returned is dropped.
    pub(super) fn begin(self: &Arc<Self>, version: Version) -> UnderWay {
        self.is_multiplexed.store(version >= Version::HTTP_2, Ordering::Relaxed);
        self.under_way.fetch_add(1, Ordering::Relaxed);
        self.all.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Release);
        self.first.cancel();
        UnderWay(Arc::clone(self))
    }

    /// Ends when the first request has come.
    pub(super) async fn first(&self) {
        self.first.cancelled().await;
    }

    fn is_under_way(&self) -> bool {
        self.under_way.load(Ordering::Acquire) > 0
    }

    fn ended(&self) -> Instant {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request between its head and the last byte of its answer.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Activity>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        *self.0.ended.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.under_way.fetch_sub(1, Ordering::Release);
        self.0.all.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream that fails once its client takes longer than it may.
///
/// hyper bounds the time for a head together with that between requests, and not what comes before it knows the protocol, nor
/// a client that does not read.
pub(super) struct Bounded<S> {
    stream: S,
    activity: Arc<Activity>,
    times: Times,
    /// When a head began to come, and how many requests there had been before.
    head: Option<(u64, Instant)>,
    reading: Pin<Box<Sleep>>,
    writing: Option<Pin<Box<Sleep>>>,
}

impl<S> Bounded<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>, times: Times) -> Self {
        let reading = Box::pin(sleep_until(Instant::now() + times.head));
        Self { stream, activity, times, head: None, reading, writing: None }
    }

    /// Until when the next bytes have to come; `None` while a request is under way, which has bounds of its own.
    fn deadline(&self) -> Option<Instant> {
        if self.activity.is_under_way() {
            return None;
        }
        let begun = self.activity.begun.load(Ordering::Acquire);
        Some(match self.head {
            Some((before, began)) if before == begun => began + self.times.head,
            _ if begun == 0 => self.activity.ended() + self.times.head,
            _ => self.activity.ended() + self.times.idle,
        })
    }

    fn note_read(&mut self) {
        let begun = self.activity.begun.load(Ordering::Acquire);
        let is_noted = self.head.is_some_and(|(before, _)| before == begun);
        // Over HTTP/2, bytes between requests need not belong to one.
        if !is_noted && !self.activity.is_under_way() && !self.activity.is_multiplexed.load(Ordering::Relaxed) {
            self.head = Some((begun, Instant::now()));
        }
    }

    /// Whether the timer has to be set to this time. To a later one it is set once it has fired: most requests come before,
    /// and none has to wait for the timer to be moved.
    fn is_due(&self, deadline: Instant) -> bool {
        let set = self.reading.deadline();
        deadline < set || deadline > set && self.reading.is_elapsed()
    }

    fn poll_late_reading(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.deadline() {
                Some(deadline) if self.is_due(deadline) => self.reading.as_mut().reset(deadline),
                // Looked at again now and then: over HTTP/2 nobody reads because a request has ended.
                None if self.reading.is_elapsed() => {
                    let later = Instant::now() + self.times.idle;
                    self.reading.as_mut().reset(later);
                }
                _ => {}
            }
            ready!(self.reading.as_mut().poll(cx));
            if self.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
                return Poll::Ready(());
            }
        }
    }

    /// What became of a write, or an error where the client has taken nothing for too long.
    fn bound_write<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.writing = None;
            return written;
        }
        let stalled = self.times.stalled;
        let writing = self.writing.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + stalled)));
        ready!(writing.as_mut().poll(cx));
        Poll::Ready(Err(late("the client takes nothing")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Pending => {
                ready!(self.poll_late_reading(cx));
                Poll::Ready(Err(late("the client sends nothing")))
            }
            read @ Poll::Ready(_) => {
                if buf.filled().len() > before {
                    self.note_read();
                }
                read
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.bound_write(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.bound_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.bound_write(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.bound_write(cx, closed)
    }
}

fn late(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, problem)
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
        time::sleep,
    };

    use super::*;

    /// Far enough from each other to be told apart on a busy machine.
    const TIMES: Times =
        Times { head: Duration::from_millis(300), idle: Duration::from_secs(3), stalled: Duration::from_millis(600) };

    fn connection() -> (DuplexStream, Bounded<DuplexStream>, Arc<Activity>) {
        let (client, server) = duplex(16);
        let activity = Activity::new(Arc::default());
        (client, Bounded::new(server, Arc::clone(&activity), TIMES), activity)
    }

    /// Reads until that fails, and says how long that took.
    async fn time_until_late(server: &mut Bounded<DuplexStream>) -> Duration {
        let began = Instant::now();
        loop {
            match server.read_u8().await {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return began.elapsed(),
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[tokio::test]
    async fn who_sends_nothing_and_who_sends_slowly_have_the_same_time() {
        let (_client, mut server, _) = connection();
        let silent = time_until_late(&mut server).await;
        assert!((TIMES.head..TIMES.idle).contains(&silent), "{silent:?}");

        let (mut client, mut server, activity) = connection();
        drop(activity.begin(Version::HTTP_11));
        let slow = tokio::spawn(async move {
            while client.write_u8(b'x').await.is_ok() {
                sleep(TIMES.head / 10).await;
            }
        });
        let slowly = time_until_late(&mut server).await;
        assert!((TIMES.head..TIMES.idle).contains(&slowly), "{slowly:?}");
        slow.abort();
    }

    #[tokio::test]
    async fn between_requests_there_is_more_time_and_during_one_no_end() {
        let (_client, mut server, activity) = connection();
        let request = activity.begin(Version::HTTP_11);
        tokio::spawn(async move {
            sleep(TIMES.idle / 2).await;
            drop(request);
        });
        let late = time_until_late(&mut server).await;
        assert!(late >= TIMES.idle * 3 / 2, "{late:?}");

        let (mut client, mut server, activity) = connection();
        drop(activity.begin(Version::HTTP_2));
        client.write_u8(0).await.expect("there is room");
        let late = time_until_late(&mut server).await;
        assert!(late >= TIMES.idle, "over HTTP/2 a byte is not a head: {late:?}");
    }

    #[tokio::test]
    async fn who_takes_nothing_is_given_up_and_who_is_slow_is_not() {
        let (mut client, mut server, activity) = connection();
        let _request = activity.begin(Version::HTTP_11);
        let reader = tokio::spawn(async move {
            for _ in 0..10 {
                sleep(TIMES.stalled / 4).await;
                client.read_u8().await.expect("a byte");
            }
            client
        });
        let began = Instant::now();
        let error = loop {
            if let Err(error) = server.write_u8(b'x').await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= TIMES.stalled * 3, "{:?}", began.elapsed());
        drop(reader.await);
    }
}
