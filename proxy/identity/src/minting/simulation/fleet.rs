//! The replicas: each has its own code and memory, and loses both when it is killed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{BoxFuture, Either, select};
use tokio::sync::oneshot;

use super::executor::Executor;
use super::issuer::Issuer;
use super::store::RemoteStore;
use super::timeline::Host;
use super::world::World;
use crate::minting::ports::Machine;
use crate::minting::tests::world::Silent;
use crate::minting::{Minting, Ports};

/// How often a replica looks for what is due.
const LOOKS_EVERY: u64 = 5_000;
/// How long a stop waits for answers of the provider, as `edge/src/drain.rs` does.
const LEFT_FOR_FLIGHTS: Duration = Duration::from_secs(12);

struct Hardware {
    world: Arc<World>,
    host: Host,
}

#[async_trait]
impl Machine for Hardware {
    async fn sleep(&self, duration: Duration) {
        self.world.timeline.sleep(duration).await;
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.world.timeline.spawn(self.host, task);
    }

    fn random(&self) -> Option<u128> {
        let mut chance = self.world.chance.lock().unwrap();
        Some(u128::from(chance.next()) << 64 | u128::from(chance.next()))
    }
}

/// One replica.
struct Replica {
    /// `None` while it is down.
    minting: Option<Arc<Minting>>,
    /// When it starts again, or goes on.
    back_at: Option<Duration>,
    /// Ends the search for what is due.
    stop: Option<oneshot::Sender<()>>,
    /// By when it ends, whatever is under way: it takes no orders any more.
    stops_at: Option<Duration>,
}

impl Replica {
    fn down(back_at: Option<Duration>) -> Self {
        Self {
            minting: None,
            back_at,
            stop: None,
            stops_at: None,
        }
    }
}

/// See the module.
pub(super) struct Fleet {
    world: Arc<World>,
    replicas: Vec<Replica>,
}

impl Fleet {
    pub(super) fn new(world: &Arc<World>) -> Self {
        let mut fleet = Self {
            world: Arc::clone(world),
            replicas: Vec::new(),
        };
        for host in 0..world.scenario.replicas {
            fleet.replicas.push(Replica::down(None));
            fleet.start(host);
        }
        fleet
    }

    fn start(&mut self, host: Host) {
        let world = &self.world;
        let issuer = Arc::new(Issuer {
            world: Arc::clone(world),
            host,
        });
        let ports = Ports {
            store: Arc::new(RemoteStore {
                world: Arc::clone(world),
                inner: Arc::clone(&world.memory),
                host,
            }),
            issuer: issuer.clone(),
            revoker: issuer,
            machine: Arc::new(Hardware {
                world: Arc::clone(world),
                host,
            }),
            clock: world.timeline.clock.clone(),
            telemetry: Arc::new(Silent),
        };
        let minting = Minting::new(ports, world.scenario.rules(), world.scenario.plans());
        let (renewing, network) = (Arc::clone(&minting), Arc::clone(world));
        let renews = Box::pin(async move {
            loop {
                let pause = network.between(LOOKS_EVERY / 2, LOOKS_EVERY);
                network.timeline.sleep(pause).await;
                // What the store does not tell now, it tells at the next look.
                let _ = renewing.renew_due().await;
            }
        });
        let (stop, stopped) = oneshot::channel();
        let until_stopped = async move {
            let _: Either<((), _), _> = select(renews, stopped).await;
        };
        world.timeline.spawn(host, Box::pin(until_stopped));
        self.replicas[host].minting = Some(minting);
        self.replicas[host].stop = Some(stop);
    }

    /// One that runs, by chance.
    pub(super) fn any(&self) -> Option<(Host, Arc<Minting>)> {
        let running = self.replicas.iter().enumerate();
        let running: Vec<_> = running
            .filter(|(_, replica)| replica.stops_at.is_none())
            .filter_map(|(host, replica)| replica.minting.as_ref().map(|minting| (host, minting)))
            .collect();
        let (host, minting) = running.get(self.world.below(running.len()))?;
        Some((*host, Arc::clone(minting)))
    }

    pub(super) fn kill(&mut self, host: Host, executor: &mut Executor) {
        self.world.trace(|| format!("{host}: is killed"));
        executor.kill(host);
        executor.pause(host, false);
        self.world.ledger.lock().unwrap().killed(host);
        let back_at = self.world.timeline.now() + self.world.between(500, 20_000);
        self.replicas[host] = Replica::down(Some(back_at));
    }

    /// Asks a replica to end. Flights that are under way go on.
    pub(super) fn stop(&mut self, host: Host) {
        let replica = &mut self.replicas[host];
        let Some(stop) = replica.stop.take() else {
            return;
        };
        self.world.trace(|| format!("{host}: is asked to stop"));
        replica.stops_at = Some(self.world.timeline.now() + LEFT_FOR_FLIGHTS);
        // Who hears nothing of it any more has ended already.
        let _ = stop.send(());
    }

    /// Ends who was asked to stop and has nothing left to do, or no time.
    pub(super) fn end_stops(&mut self, executor: &mut Executor) {
        for host in 0..self.replicas.len() {
            let Some(stops_at) = self.replicas[host].stops_at else {
                continue;
            };
            let now = self.world.timeline.now();
            if executor.is_busy(host) {
                if now >= stops_at {
                    self.kill(host, executor);
                }
                continue;
            }
            self.world.trace(|| format!("{host}: has stopped"));
            executor.pause(host, false);
            let mut ledger = self.world.ledger.lock().unwrap();
            ledger.stopped(host);
            ledger.killed(host);
            drop(ledger);
            let back_at = now + self.world.between(500, 10_000);
            self.replicas[host] = Replica::down(Some(back_at));
        }
    }

    /// Longer than a lease, as often as not.
    pub(super) fn pause(&mut self, host: Host, executor: &mut Executor) {
        let now = self.world.timeline.now();
        let pause = self.world.between(500, 25_000);
        self.world
            .trace(|| format!("{host}: is paused for {pause:?}"));
        executor.pause(host, true);
        self.world.ledger.lock().unwrap().paused(host, true, now);
        self.replicas[host].back_at = Some(now + pause);
    }

    /// When the next replica is back.
    pub(super) fn next_back(&self) -> Option<Duration> {
        let replicas = self.replicas.iter();
        let times = replicas.flat_map(|replica| [replica.back_at, replica.stops_at]);
        times.flatten().min()
    }

    /// Starts, or lets go on, who is back by `now`; all of them without a time.
    pub(super) fn bring_back(&mut self, now: Option<Duration>, executor: &mut Executor) {
        for host in 0..self.replicas.len() {
            let due = self.replicas[host].back_at;
            let is_back = due.is_some_and(|at| now.is_none_or(|now| at <= now));
            if !is_back {
                continue;
            }
            self.replicas[host].back_at = None;
            self.world.trace(|| format!("{host}: is back"));
            if self.replicas[host].minting.is_none() {
                self.start(host);
            } else {
                let at = self.world.timeline.now();
                executor.pause(host, false);
                self.world.ledger.lock().unwrap().paused(host, false, at);
            }
        }
    }
}
