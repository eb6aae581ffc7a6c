use tokenbridge_bridge::grant::{Generation, RefreshGrant};
use tokenbridge_bridge::session::{Profile, SessionFacts, Subject};
use tokenbridge_session_store::{Change, MemoryLimits, MemoryStore, NewSession, Notice};

use super::*;

const IDLE: IdleTimeout = IdleTimeout(Duration::from_secs(600));
const LIFETIME: Duration = Duration::from_secs(2_000);
const KEY: SessionKey = SessionKey::from_bytes([7; 32]);

/// Goes with the test's own time, which stands still while anybody works.
struct TestClock(Instant);

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_seconds(1_000).plus(self.0.elapsed())
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A session that was admitted a moment ago.
pub(crate) struct World {
    sessions: Arc<LiveSessions>,
    store: MemoryStore,
    clock: Arc<TestClock>,
    admitted: Admitted,
    begin: Instant,
}

impl World {
    /// When the session is over by the clock, in seconds: unused, and whatever happens.
    pub(crate) const IDLE: u64 = IDLE.0.as_secs();
    pub(crate) const LIFETIME: u64 = LIFETIME.as_secs();

    pub(crate) async fn new() -> Self {
        let begin = Instant::now();
        let clock = Arc::new(TestClock(begin));
        let store = MemoryStore::new(MemoryLimits::default(), clock.clone());
        let now = clock.now();
        store.create(&session(now)).await.unwrap();
        let sessions = LiveSessions::new();
        let admitted = Admitted {
            key: KEY,
            epoch: sessions.epoch(&KEY),
            expires_at: now.plus(LIFETIME),
            idle_at: now.plus(IDLE.0),
        };
        Self {
            sessions,
            store,
            clock,
            admitted,
            begin,
        }
    }

    pub(crate) fn admitted(&self) -> Admitted {
        self.admitted.clone()
    }

    pub(crate) fn sources(&self) -> Sources<'_> {
        Sources {
            sessions: &self.sessions,
            store: &self.store,
            clock: &*self.clock,
            idle: IDLE,
        }
    }

    /// Notes that the session was used.
    pub(crate) async fn touch(&self) {
        let _ = self.store.touch(&KEY, self.clock.now()).await;
    }

    /// How it ends, and after how many seconds, while something else happens.
    async fn end(&self, meanwhile: impl Future<Output = ()>) -> (Over, u64) {
        let ending = async {
            let over = over(self.sources(), self.admitted()).await;
            (over, self.begin.elapsed().as_secs())
        };
        tokio::join!(ending, meanwhile).0
    }
}

fn session(now: UnixTime) -> NewSession {
    NewSession {
        key: KEY,
        facts: SessionFacts {
            subject: Subject {
                issuer: "https://idp".into(),
                subject: "alice".into(),
            },
            idp_session: None,
            created_at: now,
            expires_at: now.plus(LIFETIME),
            authenticated_at: None,
            acr: None,
        },
        profile: Profile {
            name: None,
            preferred_username: None,
            email: None,
        },
        grant: RefreshGrant {
            refresh_token: None,
            generation: Generation::FIRST,
            scopes: None,
            access_token: None,
            id_token: None,
        },
    }
}

#[tokio::test(start_paused = true)]
async fn an_unused_session_is_over_when_it_is_idle() {
    let world = World::new().await;
    assert_eq!(world.end(async {}).await, (Over::Ended, 600));
}

#[tokio::test(start_paused = true)]
async fn use_elsewhere_puts_the_end_off_but_never_beyond_its_lifetime() {
    let world = World::new().await;
    let using = async {
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_secs(100)).await;
            world.touch().await;
        }
    };
    assert_eq!(world.end(using).await, (Over::Ended, 2_000));
}

#[tokio::test(start_paused = true)]
async fn a_notice_ends_it_at_once() {
    let world = World::new().await;
    let telling = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let notice = Notice::Changed(KEY, Change::Replaced);
        world.sessions.hear(notice);
    };
    assert_eq!(world.end(telling).await, (Over::Replaced, 5));
}

#[tokio::test(start_paused = true)]
async fn an_end_between_the_admission_and_the_watch_is_not_missed() {
    let world = World::new().await;
    world.store.end(&KEY, None).await.unwrap();
    world.sessions.hear(Notice::Changed(KEY, Change::Ended));
    assert_eq!(world.end(async {}).await, (Over::Ended, 0));
}

#[tokio::test(start_paused = true)]
async fn after_lost_notices_the_store_is_asked() {
    let world = World::new().await;
    let losing = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        world.sessions.hear(Notice::Lost);
        world.store.end(&KEY, None).await.unwrap();
        tokio::time::sleep(Duration::from_secs(20)).await;
        world.sessions.hear(Notice::Restored);
    };
    let (over, seconds) = world.end(losing).await;
    assert_eq!(over, Over::Ended);
    assert!((25..=26).contains(&seconds), "{seconds}");
}

#[test]
fn the_end_by_the_clock_is_met_within_a_tick() {
    let at = UnixTime::from_seconds;
    assert_eq!(pause(at(10), at(70), None), Duration::from_secs(59));
    assert_eq!(pause(at(10), at(11), None), TICK);
    assert_eq!(pause(at(10), at(9), None), TICK);
}
