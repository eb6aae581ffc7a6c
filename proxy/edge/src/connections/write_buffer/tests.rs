use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use tokio::io::AsyncWriteExt;

use super::*;

/// What the client was given, write by write.
type Writes = Arc<Mutex<Vec<Vec<u8>>>>;

/// A client that takes so many bytes of each write, and now and then none for the moment.
struct Taker {
    takes: Vec<usize>,
    writes: Writes,
}

impl AsyncWrite for Taker {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let most = self.takes.pop().unwrap_or(usize::MAX);
        if most == 0 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let all: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        let taken = all.get(..most.min(all.len())).unwrap_or_default().to_vec();
        let bytes = taken.len();
        self.writes.lock().unwrap().push(taken);
        Poll::Ready(Ok(bytes))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

fn buffer(takes: Vec<usize>) -> (WriteBuffer<Taker>, Writes) {
    let writes = Arc::new(Mutex::new(Vec::new()));
    let taker = Taker {
        takes,
        writes: writes.clone(),
    };
    (WriteBuffer::new(taker), writes)
}

#[tokio::test]
async fn a_header_and_a_short_body_go_out_in_one_write() {
    let (mut buffer, writes) = buffer(Vec::new());
    buffer.write_all(b"header").await.unwrap();
    buffer.write_all(b"body").await.unwrap();
    assert!(writes.lock().unwrap().is_empty());
    buffer.flush().await.unwrap();
    assert_eq!(*writes.lock().unwrap(), [b"headerbody".to_vec()]);
}

#[tokio::test]
async fn a_long_body_takes_the_header_with_it_and_is_not_copied_first() {
    let (mut buffer, writes) = buffer(Vec::new());
    let body = vec![b'x'; 16 * GATHERED_BYTES];
    buffer.write_all(b"header").await.unwrap();
    buffer.write_all(&body).await.unwrap();
    let before_flush = writes.lock().unwrap().clone();
    assert_eq!(before_flush, [[b"header".to_vec(), body].concat()]);
    assert!(buffer.gathered.is_empty());
}

#[tokio::test]
async fn a_client_that_takes_nothing_any_more_is_an_error_and_not_a_loop() {
    struct Gone;
    impl AsyncWrite for Gone {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(0))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
    let mut buffer = WriteBuffer::new(Gone);
    buffer.write_all(b"header").await.unwrap();
    let flushed = buffer.flush().await.unwrap_err();
    assert_eq!(flushed.kind(), io::ErrorKind::WriteZero);
    let long = buffer
        .write_all(&[0; 2 * GATHERED_BYTES])
        .await
        .unwrap_err();
    assert_eq!(long.kind(), io::ErrorKind::WriteZero);
}

#[derive(Clone, Debug)]
enum Step {
    Write(usize),
    WriteParts(Vec<usize>),
    Flush,
}

fn step() -> impl Strategy<Value = Step> {
    let size = prop_oneof![0..64_usize, 0..3 * GATHERED_BYTES];
    prop_oneof![
        size.clone().prop_map(Step::Write),
        prop::collection::vec(size, 0..2 * TOGETHER).prop_map(Step::WriteParts),
        Just(Step::Flush),
    ]
}

proptest! {
    #[test]
    fn every_byte_arrives_once_and_in_order_however_it_is_written_and_taken(
        steps in prop::collection::vec(step(), 0..20),
        takes in prop::collection::vec(prop_oneof![Just(0_usize), 1..3 * GATHERED_BYTES], 0..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (mut buffer, writes) = buffer(takes);
        let mut expected: Vec<u8> = Vec::new();
        let mut next = 0_u8;
        let mut fresh = |size: usize| -> Vec<u8> {
            (0..size).map(|_| { next = next.wrapping_add(1); next }).collect()
        };
        for step in steps {
            match step {
                Step::Write(size) => {
                    let bytes = fresh(size);
                    runtime.block_on(buffer.write_all(&bytes)).unwrap();
                    expected.extend(bytes);
                }
                Step::WriteParts(sizes) => {
                    let parts: Vec<Vec<u8>> = sizes.into_iter().map(&mut fresh).collect();
                    let slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
                    let written = runtime.block_on(buffer.write_vectored(&slices)).unwrap();
                    let all = parts.concat();
                    prop_assert!(written > 0 || all.is_empty());
                    expected.extend(all.get(..written).unwrap());
                }
                Step::Flush => {
                    runtime.block_on(buffer.flush()).unwrap();
                    prop_assert!(writes.lock().unwrap().concat() == expected);
                }
            }
        }
        runtime.block_on(buffer.flush()).unwrap();
        prop_assert!(writes.lock().unwrap().concat() == expected);
    }
}
