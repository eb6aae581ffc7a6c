//! Runs tasks of several hosts in one thread, one poll at a time, in an order that the seed
//! decides. A host that is paused runs nothing; one that is killed loses all that it was doing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};

use futures_util::future::BoxFuture;

use super::chance::Chance;
use super::timeline::{Host, TaskWaker, Timeline};

struct Task {
    host: Host,
    future: BoxFuture<'static, ()>,
    wake: Arc<TaskWaker>,
    waker: Waker,
}

/// See the module.
pub(super) struct Executor {
    timeline: Arc<Timeline>,
    tasks: BTreeMap<usize, Task>,
    next: usize,
    paused: Vec<bool>,
    /// Tasks that could run if their host did.
    parked: Vec<Vec<usize>>,
}

/// A task that can run now.
pub(super) struct Runnable {
    task: usize,
    pub(super) host: Host,
}

impl Executor {
    pub(super) fn new(timeline: Arc<Timeline>, hosts: usize) -> Self {
        Self {
            timeline,
            tasks: BTreeMap::new(),
            next: 0,
            paused: vec![false; hosts],
            parked: vec![Vec::new(); hosts],
        }
    }

    /// One of the tasks that can run, by chance.
    pub(super) fn choose(&mut self, chance: &mut Chance) -> Option<Runnable> {
        self.take_in();
        loop {
            let task = {
                let mut ready = self.timeline.ready().lock().unwrap();
                if ready.is_empty() {
                    return None;
                }
                let index = chance.index(ready.len());
                ready.swap_remove(index)
            };
            let Some(host) = self.tasks.get(&task).map(|task| task.host) else {
                continue;
            };
            match self.paused[host] {
                true => self.parked[host].push(task),
                false => return Some(Runnable { task, host }),
            }
        }
    }

    /// Does not run it yet.
    pub(super) fn put_back(&mut self, runnable: &Runnable) {
        self.timeline.ready().lock().unwrap().push(runnable.task);
    }

    /// Runs it up to its next await point.
    pub(super) fn run(&mut self, runnable: &Runnable) {
        let Some(task) = self.tasks.get_mut(&runnable.task) else {
            return;
        };
        task.wake.queued.store(false, Ordering::SeqCst);
        let mut context = Context::from_waker(&task.waker);
        if task.future.as_mut().poll(&mut context).is_ready() {
            self.tasks.remove(&runnable.task);
        }
    }

    /// Whether a host has anything left to do.
    pub(super) fn is_busy(&mut self, host: Host) -> bool {
        self.take_in();
        self.tasks.values().any(|task| task.host == host)
    }

    pub(super) fn pause(&mut self, host: Host, paused: bool) {
        self.paused[host] = paused;
        if !paused {
            let parked = std::mem::take(&mut self.parked[host]);
            self.timeline.ready().lock().unwrap().extend(parked);
        }
    }

    pub(super) fn kill(&mut self, host: Host) {
        self.take_in();
        self.parked[host].clear();
        self.tasks.retain(|_, task| task.host != host);
    }

    fn take_in(&mut self) {
        for (host, future) in self.timeline.take_spawned() {
            let task = self.next;
            self.next += 1;
            let ready = Arc::clone(self.timeline.ready());
            ready.lock().unwrap().push(task);
            let wake = Arc::new(TaskWaker {
                task,
                queued: AtomicBool::new(true),
                ready,
            });
            let waker = Waker::from(Arc::clone(&wake));
            self.tasks.insert(
                task,
                Task {
                    host,
                    future,
                    wake,
                    waker,
                },
            );
        }
    }
}
