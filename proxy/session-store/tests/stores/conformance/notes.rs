use std::time::Duration;

use crate::bench::Bench;
use crate::samples;

pub async fn a_note_is_read_by_its_mark(bench: Bench) {
    assert_eq!(bench.store.note(&[1; 32]).await.unwrap(), None);
    for text in ["one", "another"] {
        bench
            .store
            .put_note(&[1; 32], text, samples::HOUR)
            .await
            .unwrap();
    }
    let found = bench.store.note(&[1; 32]).await.unwrap();
    assert_eq!(found.as_deref(), Some("another"));
    assert_eq!(bench.store.note(&[2; 32]).await.unwrap(), None);
    assert_eq!(bench.store.active_sessions().await.unwrap(), 0);
}

pub async fn a_note_is_gone_when_its_time_is_over(bench: Bench) {
    let ttl = Duration::from_millis(150);
    bench.store.put_note(&[1; 32], "brief", ttl).await.unwrap();
    bench
        .until("it is gone", || async {
            bench.store.note(&[1; 32]).await.unwrap().is_none()
        })
        .await;
}
