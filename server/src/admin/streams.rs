//! Answers in parts.

use std::pin::Pin;

use murmur_proto::v1::{AdminServiceReadModelResponse, WatchTaskResponse};
use murmur_round::task::TaskHash;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::answer::status;
use crate::tasks::Views;

/// Parts of one answer.
pub(super) type Stream<T> = Pin<Box<dyn tokio_stream::Stream<Item = Result<T, Status>> + Send>>;

/// Entries or devices of one message.
const BATCH: usize = 256;
/// Bytes of a model in one message.
const PART: usize = 256 << 10;

/// A list in messages of some at a time.
pub(super) fn batches<T: Send + 'static, M: Send + 'static>(
    all: Vec<T>,
    message: impl Fn(Vec<T>) -> M + Send + 'static,
) -> Stream<M> {
    let mut rest = all.into_iter();
    Box::pin(tokio_stream::iter(std::iter::from_fn(move || {
        let batch: Vec<T> = rest.by_ref().take(BATCH).collect();
        (!batch.is_empty()).then(|| Ok(message(batch)))
    })))
}

/// A file in messages of some bytes at a time.
pub(super) fn file(bytes: Vec<u8>) -> Stream<AdminServiceReadModelResponse> {
    let mut rest = bytes::Bytes::from(bytes);
    Box::pin(tokio_stream::iter(std::iter::from_fn(move || {
        let data = rest.split_to(rest.len().min(PART));
        (!data.is_empty()).then(|| Ok(AdminServiceReadModelResponse { data }))
    })))
}

/// A task's status now and whenever it changes, until it is over or gone.
pub(super) fn watch(mut board: watch::Receiver<Views>, task: TaskHash) -> Stream<WatchTaskResponse> {
    let (send, receive) = mpsc::channel(4);
    tokio::spawn(async move {
        let mut last = None;
        loop {
            let view = board.borrow_and_update().task(&task).cloned();
            let Some(view) = view else { return };
            if last.as_ref() != Some(&view) {
                let message = status(&view).map(|task| WatchTaskResponse { task: Some(task) });
                let over = view.standing.is_over() || message.is_err();
                // Whoever watched has gone.
                if send.send(message.map_err(Status::from)).await.is_err() || over {
                    return;
                }
                last = Some(view);
            }
            tokio::select! {
                changed = board.changed() => if changed.is_err() { return },
                () = send.closed() => return,
            }
        }
    });
    Box::pin(ReceiverStream::new(receive))
}
