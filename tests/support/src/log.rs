//! What a pod writes to stdout and stderr, line by line, with the time when it came.

use std::fmt;
use std::io::{BufRead, BufReader, PipeReader};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Where a line was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Code(i32),
    Signal(i32),
}

/// One line, without its newline.
#[derive(Clone, Debug)]
pub struct Line {
    pub at: Instant,
    pub stream: Stream,
    pub text: String,
}

/// The lines of both streams, in the order in which they came, and the end of the pod.
#[derive(Debug)]
pub struct Log {
    since: Instant,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    lines: Vec<Line>,
    /// How many streams can still be written.
    open: usize,
    ended: Option<Ended>,
}

impl State {
    /// Neither a process nor a line is to come.
    fn is_over(&self) -> bool {
        self.open == 0 && self.ended.is_some()
    }
}

impl Log {
    /// Reads both pipes on separate threads until nobody can write any more. `since`: zero in the log's print-out.
    pub fn read(since: Instant, stdout: PipeReader, stderr: PipeReader) -> Arc<Self> {
        let state = Mutex::new(State { lines: Vec::new(), open: 2, ended: None });
        let log = Arc::new(Self { since, state, changed: Condvar::new() });
        for (stream, pipe) in [(Stream::Stdout, stdout), (Stream::Stderr, stderr)] {
            let log = Arc::clone(&log);
            thread::spawn(move || log.collect(stream, pipe));
        }
        log
    }

    fn collect(&self, stream: Stream, pipe: PipeReader) {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let text = String::from_utf8_lossy(&line).into_owned();
            self.lock().lines.push(Line { at: Instant::now(), stream, text });
            self.changed.notify_all();
        }
        self.lock().open -= 1;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while(&self, timeout: Duration, condition: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let waited = self.changed.wait_timeout_while(self.lock(), timeout, |state| condition(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    pub fn lines(&self) -> Vec<Line> {
        self.lock().lines.clone()
    }

    /// To be called once, when PID 1 ended.
    pub fn set_ended(&self, ended: Ended) {
        self.lock().ended = Some(ended);
        self.changed.notify_all();
    }

    pub fn ended(&self) -> Option<Ended> {
        self.lock().ended
    }

    /// The first line that contains `part`; none after `timeout`, or when all is over without it.
    pub fn find(&self, part: &str, timeout: Duration) -> Option<Line> {
        let found = |state: &State| state.lines.iter().find(|line| line.text.contains(part)).cloned();
        found(&self.wait_while(timeout, |state| !state.is_over() && found(state).is_none()))
    }

    /// Waits until all is over; none after `timeout`.
    pub fn wait_for_end(&self, timeout: Duration) -> Option<Ended> {
        let state = self.wait_while(timeout, |state| !state.is_over());
        if state.is_over() { state.ended } else { None }
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Line { at, stream, text } in &self.lock().lines {
            writeln!(f, "{:9.3} {stream:?}: {text}", at.duration_since(self.since).as_secs_f64())?;
        }
        Ok(())
    }
}
