//! The old process's part, against a new one that the test plays.

use std::net::TcpListener;
use std::os::fd::OwnedFd;

use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

use super::wire::Wire;
use super::*;

/// Longer than the old process waits for anything.
const LONG: Duration = Duration::from_secs(600);

/// A running gateway with so many listening sockets, as far as this matters.
struct Running {
    drain: Arc<Drain>,
    file: Arc<SocketFile>,
    path: std::path::PathBuf,
    serving: JoinHandle<()>,
    _folder: TempDir,
}

impl Running {
    fn start(sockets: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("upgrade.sock");
        let file = Arc::new(SocketFile::at(&path).unwrap());
        let listener = file.bind().unwrap();
        let listener = tokio::net::UnixListener::from_std(listener).unwrap();
        let mut offered = Vec::new();
        for _ in 0..sockets {
            let listening = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listening.local_addr().unwrap();
            let used = Use::Admin;
            offered.push((Name { used, address }, OwnedFd::from(listening)));
        }
        let drain = Arc::new(Drain::new(0));
        let serving = successor::serve(listener, file.clone(), offered, drain.clone());
        Self {
            drain,
            file,
            path,
            serving: tokio::spawn(serving),
            _folder: folder,
        }
    }

    /// A new process that has been handed the sockets.
    async fn ask(&self) -> Wire {
        let mut wire = Wire::new(UnixStream::connect(&self.path).await.unwrap());
        wire.send(&greeting(), None, STEP).await.unwrap();
        while !wire.line(LONG).await.unwrap().starts_with("sockets ") {}
        wire
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_process_that_never_gets_ready_is_given_up_and_a_later_one_is_not() {
    let running = Running::start(1);
    let mut silent = running.ask().await;
    let refused = silent.line(LONG).await.unwrap();
    assert_eq!(refused, "refused the new process was not ready in 60s");
    let mut half = running.ask().await;
    half.send("ready", None, STEP).await.unwrap();
    assert_eq!(half.line(LONG).await.unwrap(), "yours");
    let refused = half.line(LONG).await.unwrap();
    assert_eq!(refused, "refused the new process was not ready in 5s");
    assert!(!running.drain.is_draining());
    let mut next = running.ask().await;
    next.send("ready", None, STEP).await.unwrap();
    assert_eq!(next.line(LONG).await.unwrap(), "yours");
    next.send("done", None, STEP).await.unwrap();
    running.drain.handed_over().await;
    assert!(running.drain.is_draining());
    running.serving.await.unwrap();
    running.file.remove();
    assert!(running.path.exists(), "it is the new process's now");
}

#[tokio::test(start_paused = true)]
async fn a_stop_closes_the_socket_and_lets_a_new_process_that_has_the_sockets_go_on() {
    let running = Running::start(1);
    let mut started = running.ask().await;
    running.drain.hand_over();
    running.serving.await.unwrap();
    assert!(!running.path.exists());
    started.send("ready", None, STEP).await.unwrap();
    assert_eq!(started.line(LONG).await.unwrap(), "yours");
}

#[tokio::test]
async fn any_number_of_sockets_comes_through_and_each_is_the_one_of_its_name() {
    let running = Running::start(600);
    let (_predecessor, sockets) = take_over(&running.path).await.unwrap();
    assert_eq!(sockets.len(), 600);
    for (name, socket) in sockets {
        assert_eq!(socket.local_addr().unwrap().as_socket(), Some(name.address));
    }
    let refused = take_over(&running.path).await.err().unwrap();
    assert!(
        refused.contains("another upgrade is under way"),
        "{refused}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_process_goes_on_where_the_old_one_died_and_stops_where_it_does_not_answer() {
    for dies in [true, false] {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let kept = (!dies).then_some(theirs);
        let replaced = Predecessor(Wire::new(ours)).replace().await;
        assert_eq!(matches!(replaced, Replaced::Nobody), dies);
        assert_eq!(matches!(replaced, Replaced::Refused(_)), !dies);
        drop(kept);
    }
}
