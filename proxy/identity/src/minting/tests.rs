//! Flights of several replicas, driven step by step.

mod outage;
mod provider;
pub(super) mod world;

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use tokenbridge_bridge::grant::GrantName;
use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::{Reading, SessionKey};
use tokenbridge_bridge::token::TokenSlot;
use tokenbridge_config::issuer::RefreshRetry;
use tokenbridge_session_store::{Clock, SessionStore};

use crate::minting::order::{Minted, Order, Trigger};
use world::{DEADLINE, SESSION, World, now};

const SECOND: Duration = Duration::from_secs(1);

fn order(service: &str, trigger: Trigger) -> Order {
    Order {
        session: SESSION,
        service: ServiceName::new(service),
        trigger,
    }
}

fn has_token(world: &World, service: &str) -> bool {
    match now(world.store.read(&SESSION, &ServiceName::new(service))).unwrap() {
        Reading::Found(session) => match session.slot {
            Some(TokenSlot::Token(token)) => world.clock.now() < token.expires_at,
            Some(TokenSlot::Refused(_)) | None => false,
        },
        Reading::Replaced | Reading::Absent | Reading::Unreadable => panic!("the session is gone"),
    }
}

fn lives(world: &World) -> bool {
    let reading = now(world.store.read(&SESSION, &ServiceName::new("a"))).unwrap();
    matches!(reading, Reading::Found(_))
}

#[test]
fn replicas_renew_one_after_the_other_and_losers_take_what_the_winner_brought() {
    let mut world = World::new();
    let replicas: Vec<_> = (0..3)
        .map(|_| world.replica(RefreshRetry::Never).0)
        .collect();
    // Longer than a lease: it must be kept while the answer is awaited.
    *world.provider.latency.lock().unwrap() = 8 * SECOND;
    let tickets: Vec<_> = replicas
        .iter()
        .map(|replica| replica.request(order("a", Trigger::Demand)))
        .collect();
    world.run(10 * SECOND);
    for ticket in tickets {
        assert!(matches!(ticket.now_or_never(), Some(Minted::There { .. })));
    }
    assert_eq!(
        (world.provider.refreshes(), world.provider.reused()),
        (1, 0)
    );
}

#[test]
fn however_many_sessions_want_a_token_the_provider_sees_a_queue() {
    let mut world = World::new();
    let (replica, _) = world.replica(RefreshRetry::Never);
    world.provider.does_not_rotate.store(true, Ordering::SeqCst);
    *world.provider.latency.lock().unwrap() = SECOND;
    let tickets: Vec<_> = (0..100)
        .map(|number| {
            let session = SessionKey::from_bytes([100 + number; 32]);
            world.add_session(session);
            replica.request(Order {
                session,
                ..order("a", Trigger::Demand)
            })
        })
        .collect();
    world.run(10 * SECOND);
    for ticket in tickets {
        assert_eq!(ticket.now_or_never(), Some(Minted::There { fresh: true }));
    }
    assert_eq!(world.provider.most_under_way.load(Ordering::SeqCst), 32);
}

#[test]
fn a_flight_whose_replica_is_killed_before_the_answer_is_not_repeated_while_a_token_lives() {
    let mut world = World::new();
    let (first, _) = world.replica(RefreshRetry::Never);
    let (second, killed) = world.replica(RefreshRetry::Never);
    drop(first.request(order("a", Trigger::Demand)));
    world.run(SECOND);
    assert!(has_token(&world, "a"));
    *world.provider.latency.lock().unwrap() = 2 * SECOND;
    drop(second.request(order("b", Trigger::Demand)));
    world.run(Duration::from_millis(1_500));
    killed.kill();
    // The provider has rotated, and nobody knows the new refresh token.
    let ticket = first.request(order("b", Trigger::Demand));
    world.run(DEADLINE + 8 * SECOND);
    assert!(matches!(ticket.now_or_never(), Some(Minted::Refused(_))));
    assert_eq!((world.provider.reused(), lives(&world)), (0, true));
    // Once nothing is left to lose it is tried, and the provider has the last word.
    world.run(300 * SECOND);
    let ticket = first.request(order("b", Trigger::Demand));
    world.run(5 * SECOND);
    assert_eq!(ticket.now_or_never(), Some(Minted::SessionGone));
    assert!(!lives(&world));
}

#[test]
fn a_late_refusal_of_a_paused_replica_ends_no_session() {
    let mut world = World::new();
    world.provider.forgives_reuse.store(true, Ordering::SeqCst);
    let (slow, paused) = world.replica(RefreshRetry::Safe);
    let (quick, _) = world.replica(RefreshRetry::Safe);
    *world.provider.latency.lock().unwrap() = 2 * SECOND;
    let late = slow.request(order("a", Trigger::Demand));
    // It has marked and sent, but the provider has not seen it yet.
    world.run(Duration::from_millis(500));
    paused.pause(true);
    let ticket = quick.request(order("b", Trigger::Demand));
    world.run(DEADLINE + 10 * SECOND);
    assert_eq!(ticket.now_or_never(), Some(Minted::There { fresh: true }));
    // Now its request arrives, with a refresh token that the other has spent by then.
    paused.pause(false);
    world.run(10 * SECOND);
    assert_eq!(world.provider.reused(), 1);
    assert_eq!(late.now_or_never(), Some(Minted::There { fresh: true }));
    assert!(has_token(&world, "a") && has_token(&world, "b"));
}

#[test]
fn a_late_result_of_a_paused_replica_cannot_write() {
    let mut world = World::new();
    let (slow, paused) = world.replica(RefreshRetry::Never);
    let (quick, _) = world.replica(RefreshRetry::Never);
    *world.provider.latency.lock().unwrap() = 2 * SECOND;
    let late = slow.request(order("a", Trigger::Demand));
    // The provider has rotated; the answer has not been stored.
    world.run(Duration::from_millis(1_500));
    paused.pause(true);
    world.provider.forget_rotation();
    let ticket = quick.request(order("b", Trigger::Demand));
    world.run(DEADLINE + 10 * SECOND);
    assert_eq!(ticket.now_or_never(), Some(Minted::There { fresh: true }));
    let grant = || {
        now(world.store.grant(&SESSION, &GrantName::Login))
            .unwrap()
            .unwrap()
    };
    let current = grant();
    paused.pause(false);
    world.run(Duration::from_millis(100));
    assert_eq!(grant(), current, "the older generation's result was stored");
    world.run(10 * SECOND);
    assert_eq!(late.now_or_never(), Some(Minted::There { fresh: true }));
    assert_eq!(grant().generation, current.generation.next());
}

#[test]
fn a_rotated_refresh_token_is_stored_when_the_store_is_back() {
    let mut world = World::new();
    let (minting, _) = world.replica(RefreshRetry::Never);
    *world.provider.latency.lock().unwrap() = 2 * SECOND;
    let ticket = minting.request(order("a", Trigger::Demand));
    world.run(SECOND);
    world.store.switch(true);
    world.run(300 * SECOND);
    assert!(
        ticket.clone().now_or_never().is_none(),
        "it still holds the refresh token"
    );
    world.store.switch(false);
    world.run(15 * SECOND);
    assert_eq!(ticket.now_or_never(), Some(Minted::There { fresh: true }));
    let ticket = minting.request(order("b", Trigger::Demand));
    world.run(5 * SECOND);
    assert_eq!(ticket.now_or_never(), Some(Minted::There { fresh: true }));
    assert_eq!(
        (world.provider.refreshes(), world.provider.reused()),
        (2, 0)
    );
}

#[test]
fn a_session_that_ends_in_flight_stays_ended_and_what_came_is_revoked() {
    let mut world = World::new();
    let (minting, _) = world.replica(RefreshRetry::Never);
    *world.provider.latency.lock().unwrap() = 2 * SECOND;
    let ticket = minting.request(order("a", Trigger::Demand));
    world.run(SECOND);
    now(world.store.end(&SESSION, None)).unwrap();
    world.run(3 * SECOND);
    assert_eq!(ticket.now_or_never(), Some(Minted::SessionGone));
    assert!(!lives(&world));
    assert_eq!(world.revoked.list(), ["rt-1"]);
}

#[test]
fn a_refresh_token_that_is_not_replaced_is_used_again() {
    let mut world = World::new();
    world.provider.does_not_rotate.store(true, Ordering::SeqCst);
    let (minting, _) = world.replica(RefreshRetry::Never);
    for service in ["a", "b"] {
        let ticket = minting.request(order(service, Trigger::Demand));
        world.run(SECOND);
        assert_eq!(ticket.now_or_never(), Some(Minted::There { fresh: true }));
    }
    let grant = now(world.store.grant(&SESSION, &GrantName::Login))
        .unwrap()
        .unwrap();
    assert!(grant.refresh_token.is_some());
    assert_eq!(grant.generation.number(), 3);
}

#[test]
fn a_lost_answer_is_made_up_for_once_nothing_is_left_to_lose() {
    let mut world = World::new();
    let (minting, _) = world.replica(RefreshRetry::Never);
    world.provider.losses.store(1, Ordering::SeqCst);
    let ticket = minting.request(order("a", Trigger::Demand));
    world.run(SECOND);
    assert!(matches!(ticket.now_or_never(), Some(Minted::Refused(_))));
    let grant = now(world.store.grant(&SESSION, &GrantName::Login))
        .unwrap()
        .unwrap();
    assert_eq!(grant.generation.number(), 1);
    // No token was ever there, so there is nothing to lose: no deadline is waited for either.
    let ticket = minting.request(order("a", Trigger::Demand));
    world.run(SECOND);
    assert_eq!(ticket.now_or_never(), Some(Minted::SessionGone));
    assert_eq!(world.provider.reused(), 1);
}
