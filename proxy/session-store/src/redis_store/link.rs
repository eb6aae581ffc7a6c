//! The connection to Redis: opened when first needed, shared by all requests of a thread, opened
//! again by itself when it breaks.
//!
//! While the first attempt to connect is under way, requests wait for it. After it failed, they
//! fail at once, and a task goes on trying until Redis is back. A command that met a broken
//! connection is sent once more on a new one: all our commands are safe to repeat.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use redis::{AsyncConnectionConfig, RedisResult};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::address::Address;
use super::fault::{Fault, unavailable};
use super::options::RedisOptions;
use super::wire::Wire;
use crate::error::StoreError;
use crate::health::HealthRecord;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

#[derive(Clone)]
enum Connection {
    /// The first attempt since the last success is under way.
    Opening,
    Open(Numbered),
    /// Attempts fail; they go on.
    Down(StoreError),
}

/// A connection that can be told from the one that replaced it.
#[derive(Clone)]
struct Numbered {
    number: u64,
    wire: Wire,
}

struct Shared {
    address: Address,
    config: AsyncConnectionConfig,
    health: Arc<HealthRecord>,
    connection: watch::Sender<Connection>,
    opener: Mutex<Opener>,
    /// No request and no attempt to connect waits longer than this.
    patience: Duration,
}

/// The task that opens connections, and how many it has opened.
#[derive(Default)]
struct Opener {
    task: Option<JoinHandle<()>>,
    opened: u64,
}

#[derive(Clone)]
pub(super) struct Link {
    shared: Arc<Shared>,
}

impl Link {
    pub(super) fn new(address: Address, options: &RedisOptions, health: Arc<HealthRecord>) -> Self {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(options.connect_timeout))
            .set_response_timeout(Some(options.response_timeout));
        let shared = Shared {
            address,
            config,
            health,
            connection: watch::Sender::new(Connection::Opening),
            opener: Mutex::default(),
            patience: options
                .connect_timeout
                .saturating_add(options.response_timeout),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Runs a command, within the time that a request may wait.
    pub(super) async fn call<T, F>(&self, command: impl Fn(Wire) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let deadline = Instant::now() + self.shared.patience;
        // What is boxed takes no room in the calls that need none of it: nearly all.
        let outcome = match self.shared.open() {
            // It waits no longer than for an answer, so a timer of ours is spared.
            Some(open) if open.wire.keeps_time() => match self.attempt(open, &command).await {
                Err(Fault::Connection(_)) => {
                    Box::pin(in_time(deadline, self.attempt_anew(&command))).await
                }
                ended => ended.map_err(Fault::into_error),
            },
            Some(_) | None => Box::pin(in_time(deadline, self.attempt_twice(&command))).await,
        };
        match &outcome {
            Err(error @ StoreError::Unavailable(_)) => {
                self.shared.health.down(&self.shared.address, error)
            }
            Ok(_) | Err(StoreError::Full | StoreError::Corrupt(_)) => {
                self.shared.health.up(&self.shared.address);
            }
        }
        outcome
    }

    async fn attempt_twice<T, F>(&self, command: &impl Fn(Wire) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let first = self.open_connection().await?;
        match self.attempt(first, command).await {
            Err(Fault::Connection(_)) => self.attempt_anew(command).await,
            ended => ended.map_err(Fault::into_error),
        }
    }

    async fn attempt_anew<T, F>(&self, command: &impl Fn(Wire) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let connection = self.open_connection().await?;
        let ended = self.attempt(connection, command).await;
        ended.map_err(Fault::into_error)
    }

    /// Runs a command on a connection, which is dropped where it turns out to be broken.
    async fn attempt<T, F>(
        &self,
        connection: Numbered,
        command: &impl Fn(Wire) -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = RedisResult<T>>,
    {
        command(connection.wire).await.map_err(|error| {
            let fault = Fault::of(&error);
            if let Fault::Connection(_) = fault {
                self.shared.lost(connection.number);
            }
            fault
        })
    }

    async fn open_connection(&self) -> Result<Numbered, StoreError> {
        if let Some(connection) = self.shared.open() {
            return Ok(connection);
        }
        let mut changes = self.shared.connection.subscribe();
        loop {
            match &*changes.borrow_and_update() {
                Connection::Open(connection) => return Ok(connection.clone()),
                Connection::Down(error) if self.shared.is_opening() => return Err(error.clone()),
                Connection::Opening | Connection::Down(_) => {}
            }
            self.shared.ensure_opening();
            if changes.changed().await.is_err() {
                return Err(unavailable("the store is closed"));
            }
        }
    }
}

/// What comes by the deadline.
async fn in_time<T>(
    deadline: Instant,
    outcome: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout_at(deadline, outcome).await {
        Ok(outcome) => outcome,
        Err(_) => Err(unavailable("no answer in time")),
    }
}

impl Shared {
    /// The connection, if there is one: nearly always, and then nothing has to be watched.
    fn open(&self) -> Option<Numbered> {
        match &*self.connection.borrow() {
            Connection::Open(connection) => Some(connection.clone()),
            Connection::Opening | Connection::Down(_) => None,
        }
    }

    fn opener(&self) -> MutexGuard<'_, Opener> {
        self.opener.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_opening(&self) -> bool {
        self.opener().is_running()
    }

    /// Starts the task that opens a connection, unless it runs. It dies with the runtime that it
    /// was started on, so each caller looks whether it still lives.
    fn ensure_opening(self: &Arc<Self>) {
        let mut opener = self.opener();
        if opener.is_running() {
            return;
        }
        opener.task = Some(tokio::spawn(keep_opening(Arc::downgrade(self))));
        self.connection.send_if_modified(|connection| {
            let down = matches!(connection, Connection::Down(_));
            if down {
                *connection = Connection::Opening;
            }
            down
        });
    }

    /// Drops a connection that broke, unless another one has taken its place.
    fn lost(self: &Arc<Self>, number: u64) {
        let dropped = self
            .connection
            .send_if_modified(|connection| match connection {
                Connection::Open(open) if open.number == number => {
                    *connection = Connection::Opening;
                    true
                }
                Connection::Open(_) | Connection::Opening | Connection::Down(_) => false,
            });
        if dropped {
            self.ensure_opening();
        }
    }

    fn opened(&self, wire: Wire) {
        // Under the lock, so that whoever loses this connection finds no task and starts one.
        let mut opener = self.opener();
        opener.task = None;
        opener.opened = opener.opened.wrapping_add(1);
        let open = Connection::Open(Numbered {
            number: opener.opened,
            wire,
        });
        self.connection.send_replace(open);
        self.health.up(&self.address);
    }

    fn failed(&self, error: StoreError) {
        self.health.down(&self.address, &error);
        self.connection.send_replace(Connection::Down(error));
    }
}

impl Opener {
    fn is_running(&self) -> bool {
        self.task.as_ref().is_some_and(|task| !task.is_finished())
    }
}

/// Tries until there is a connection, or until nobody wants one any more.
async fn keep_opening(shared: Weak<Shared>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let Some(shared) = shared.upgrade() else {
            return;
        };
        match tokio::time::timeout(shared.patience, shared.address.connect(&shared.config)).await {
            Ok(Ok(wire)) => return shared.opened(wire),
            Ok(Err(error)) => shared.failed(Fault::of(&error).into_error()),
            Err(_) => shared.failed(unavailable("no connection in time")),
        }
        drop(shared);
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}
