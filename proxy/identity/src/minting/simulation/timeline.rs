//! Virtual time: it stands still while anything can run, and then jumps to whatever comes next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokenbridge_bridge::UnixTime;
use tokenbridge_session_store::{Clock, ManualClock};

/// What runs a task: a replica, or the network between them.
pub(super) type Host = usize;

/// The clock, who waits for it, and what can run.
pub(super) struct Timeline {
    pub(super) clock: Arc<ManualClock>,
    alarms: Mutex<Alarms>,
    ready: Arc<Mutex<Vec<usize>>>,
    spawned: Mutex<Vec<(Host, BoxFuture<'static, ()>)>>,
}

#[derive(Default)]
struct Alarms {
    heap: BinaryHeap<Reverse<(Duration, u64)>>,
    wakers: std::collections::HashMap<u64, Waker>,
    next: u64,
}

impl Timeline {
    pub(super) fn new() -> Self {
        Self {
            clock: Arc::new(ManualClock::at(UnixTime::from_seconds(10_000))),
            alarms: Mutex::default(),
            ready: Arc::default(),
            spawned: Mutex::default(),
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    pub(super) fn sleep(self: &Arc<Self>, duration: Duration) -> Sleep {
        // The clock knows no less than a millisecond.
        let milliseconds = duration.as_micros().div_ceil(1_000);
        let duration = Duration::from_millis(u64::try_from(milliseconds).unwrap());
        Sleep {
            timeline: Arc::clone(self),
            until: self.now() + duration,
            set: false,
        }
    }

    pub(super) fn spawn(&self, host: Host, task: BoxFuture<'static, ()>) {
        self.spawned.lock().unwrap().push((host, task));
    }

    /// Takes what was spawned since.
    pub(super) fn take_spawned(&self) -> Vec<(Host, BoxFuture<'static, ()>)> {
        std::mem::take(&mut *self.spawned.lock().unwrap())
    }

    pub(super) fn ready(&self) -> &Arc<Mutex<Vec<usize>>> {
        &self.ready
    }

    /// When the next sleeper wakes.
    pub(super) fn next_alarm(&self) -> Option<Duration> {
        let alarms = self.alarms.lock().unwrap();
        alarms.heap.peek().map(|Reverse((until, _))| *until)
    }

    /// Goes on to `until` and wakes who waits for it.
    pub(super) fn jump(&self, until: Duration) {
        self.clock.advance(until.saturating_sub(self.now()));
        let mut woken = Vec::new();
        let mut alarms = self.alarms.lock().unwrap();
        while let Some(Reverse((at, number))) = alarms.heap.peek().copied() {
            if at > until {
                break;
            }
            alarms.heap.pop();
            woken.extend(alarms.wakers.remove(&number));
        }
        drop(alarms);
        woken.into_iter().for_each(Waker::wake);
    }

    fn set_alarm(&self, until: Duration, waker: Waker) {
        let mut alarms = self.alarms.lock().unwrap();
        let number = alarms.next;
        alarms.next += 1;
        alarms.heap.push(Reverse((until, number)));
        alarms.wakers.insert(number, waker);
    }
}

/// Waits for a time. It is always polled by the same task.
pub(super) struct Sleep {
    timeline: Arc<Timeline>,
    until: Duration,
    set: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // Even a wait for no time lets others run first.
        if self.set && self.timeline.now() >= self.until {
            return Poll::Ready(());
        }
        if !self.set {
            self.set = true;
            let waker = context.waker().clone();
            self.timeline.set_alarm(self.until, waker);
        }
        Poll::Pending
    }
}

/// Puts its task among those that can run, once.
pub(super) struct TaskWaker {
    pub(super) task: usize,
    pub(super) queued: AtomicBool,
    pub(super) ready: Arc<Mutex<Vec<usize>>>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Ordering::SeqCst) {
            self.ready.lock().unwrap().push(self.task);
        }
    }
}
