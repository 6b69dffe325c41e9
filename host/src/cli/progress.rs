//! A calm line for people who wait: on stderr, only on a terminal, only after a second, gone when the work is done.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

/// Waits for `work`, and says on a terminal what is being waited for once that takes more than a second.
pub(super) async fn shown<T>(what: &str, work: impl Future<Output = T>) -> T {
    shown_as(|| what.to_owned(), work).await
}

/// As [`shown`], where what is being waited for changes.
pub(super) async fn shown_as<T>(what: impl Fn() -> String, work: impl Future<Output = T>) -> T {
    let stderr = io::stderr();
    if stderr.is_terminal() { told(stderr, Duration::from_secs(1), what, work).await } else { work.await }
}

/// Tells on `out` how long it takes, every `period`.
async fn told<T>(out: impl Write, period: Duration, what: impl Fn() -> String, work: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
    let mut line = Line { out, shown: String::new() };
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            _ = ticks.tick() => line.replace(&format!("{}, {} s so far", what(), start.elapsed().as_secs())),
        }
    }
}

/// The line as it stands; taken away when it is dropped.
struct Line<W: Write> {
    out: W,
    shown: String,
}

impl<W: Write> Line<W> {
    /// Overwrites what is shown, with spaces instead of an escape sequence: that works on every terminal.
    fn replace(&mut self, text: &str) {
        let blank = self.shown.chars().count().saturating_sub(text.chars().count());
        // Whoever cannot be told that it takes long still gets the answer.
        let _ = write!(self.out, "\r{text}{:blank$}", "").and_then(|()| self.out.flush());
        text.clone_into(&mut self.shown);
    }
}

impl<W: Write> Drop for Line<W> {
    fn drop(&mut self) {
        if !self.shown.is_empty() {
            self.replace("");
            let _ = write!(self.out, "\r");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, future::poll_fn, rc::Rc, task::Poll};

    use super::*;

    /// A terminal that remembers.
    #[derive(Clone, Default)]
    struct Screen(Rc<RefCell<Vec<u8>>>);

    impl Screen {
        fn text(&self) -> String {
            String::from_utf8_lossy(&self.0.borrow()).into_owned()
        }
    }

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_takes_long_is_told_and_the_line_is_taken_away() {
        let screen = Screen::default();
        // Done only once something is shown.
        let work = poll_fn(|_| if screen.text().is_empty() { Poll::Pending } else { Poll::Ready("done") });
        assert_eq!(told(screen.clone(), Duration::from_millis(1), || "compiling x".to_owned(), work).await, "done");
        let line = "compiling x, 0 s so far";
        assert_eq!(screen.text(), format!("\r{line}\r{}\r", " ".repeat(line.len())));
    }

    #[tokio::test]
    async fn what_is_quick_is_not_told() {
        let screen = Screen::default();
        told(screen.clone(), Duration::from_secs(3600), || "compiling x".to_owned(), async {}).await;
        assert_eq!(screen.text(), "");
    }
}
