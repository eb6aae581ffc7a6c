use super::*;
use crate::session_end::tests::World;

/// How a stream ends, and after how many seconds, on which something is heard every minute for a
/// while and whose session is used elsewhere for a while.
async fn end(limit: u64, heard_minutes: u32, used_minutes: u32) -> (Cut, u64) {
    let world = World::new().await;
    let watch = StreamWatch::default();
    let begin = Instant::now();
    watch.silent_at_most(Duration::from_secs(limit));
    let ending = async {
        let over = session_end::over(world.sources(), world.admitted());
        let cut = watch.first(over, std::future::pending()).await;
        (cut, begin.elapsed().as_secs())
    };
    let meanwhile = async {
        for minute in 0..heard_minutes.max(used_minutes) {
            tokio::time::sleep(Duration::from_secs(60)).await;
            if minute < heard_minutes {
                watch.active();
            }
            if minute < used_minutes {
                world.touch().await;
            }
        }
    };
    tokio::join!(ending, meanwhile).0
}

#[tokio::test(start_paused = true)]
async fn a_stream_on_which_nothing_is_heard_ends_before_its_session() {
    assert_eq!(end(300, 0, 0).await, (Cut::Silence, 300));
    assert_eq!(end(300, 3, 0).await, (Cut::Silence, 480));
}

#[tokio::test(start_paused = true)]
async fn what_passes_on_a_stream_does_not_keep_its_session_from_being_idle() {
    let over = Cut::SessionOver(Over::Ended);
    assert_eq!(end(300, 60, 0).await, (over, World::IDLE));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_used_elsewhere_keeps_its_streams_until_its_lifetime() {
    let over = Cut::SessionOver(Over::Ended);
    assert_eq!(end(300, 60, 5).await, (over, 300 + World::IDLE));
    assert_eq!(end(300, 60, 60).await, (over, World::LIFETIME));
}

#[tokio::test(start_paused = true)]
async fn what_is_heard_from_either_side_puts_the_end_of_silence_off() {
    let watch = StreamWatch::default();
    let begin = Instant::now();
    watch.silent_at_most(Duration::from_secs(2));
    let talking = async {
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            watch.active();
        }
        watch.silent_at_most(Duration::from_secs(10));
    };
    tokio::join!(watch.silent(), talking);
    assert_eq!(begin.elapsed(), Duration::from_secs(15));
}

#[test]
fn a_reader_is_told_once() {
    let watch = StreamWatch::default();
    assert!(!watch.tells());
    watch.note(Cut::Silence);
    assert!(watch.tells() && !watch.tells());
}
