//! The state as it changes: server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
};
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};

use super::{
    answer::blocking,
    state::{state, told},
};
use crate::{seen::Seen, store::Store};

/// How long changes are gathered before they are told.
const GATHERING: Duration = Duration::from_millis(150);
/// How often it is looked for what nobody announces: who was enrolled, and what was refused.
const LOOK: Duration = Duration::from_secs(2);
/// How often something is sent where nothing changes, so that a connection that is gone is noticed.
const ALIVE: Duration = Duration::from_secs(10);

/// `GET /page/events`: the state at once, and whenever it has changed.
pub(super) async fn answer<S: Store>(
    State(seen): State<Seen<S>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let (send, receive) = mpsc::channel(2);
    tokio::spawn(async move {
        let mut board = seen.watch();
        let mut last = String::new();
        loop {
            let looked = seen.clone();
            // The store failed, or the server ends: the page finds out when it connects again.
            let Ok(now) = blocking(move || state(&looked)).await else { return };
            if now != last {
                if send.send(Ok(Event::default().event("state").data(told(&now)))).await.is_err() {
                    return;
                }
                last = now;
            }
            tokio::time::sleep(GATHERING).await;
            tokio::select! {
                changed = board.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(LOOK) => {}
                () = send.closed() => return,
            }
        }
    });
    Sse::new(ReceiverStream::new(receive)).keep_alive(KeepAlive::new().interval(ALIVE))
}
