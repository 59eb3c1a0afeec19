//! Uploads that come twice, in pieces, or too late.

use std::time::Duration;

use murmur_proto::{
    transfer::{Announced, Progress},
    v1::write_upload_request::Part,
};
use murmur_round::coordinator::Verdict;
use murmur_server::Limits;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{chunk, reason, serve};
use crate::{
    tasks::TaskFile,
    zero_device::{ZeroDevice, zeros},
};

/// A refusal that says when to check in again.
fn with_window(status: &Status) -> (Code, String) {
    assert!(status.get_details_retry_info().unwrap().retry_delay.unwrap() > Duration::ZERO);
    reason(status)
}

async fn announced(device: &ZeroDevice, work: &murmur_round::coordinator::Assignment) -> Announced {
    device.start(device.announcement(device.header(work))).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_upload_goes_on_where_it_ended_and_is_answered_once() {
    let (port, serving) = serve(&TaskFile { rounds: 1, ..TaskFile::default() }, &["a"], Limits::default()).await;
    let a = ZeroDevice::new("a", port);
    let work = a.work().await.unwrap();
    let bytes = zeros(&work.grid);
    let half = bytes.len() / 2;
    let Announced::Expected { upload_token, offset: 0 } = announced(&a, &work).await else { panic!("a new one") };
    let parts = vec![Part::UploadToken(upload_token.clone()), chunk(bytes.slice(..half), 0)];
    assert_eq!(reason(&a.send(parts).await.unwrap_err()).1, "TOO_SHORT");
    assert_eq!(a.query(upload_token.clone()).await.unwrap(), Progress::Received(half as u64));

    let a = a.reconnected(port);
    let Announced::Expected { upload_token: next, offset } = announced(&a, &work).await else { panic!("not done") };
    assert_eq!(offset, half as u64);
    assert_eq!(reason(&a.query(upload_token).await.unwrap_err()).1, "REPLAYED_TOKEN");
    let rest = || vec![Part::UploadToken(next.clone()), chunk(bytes.slice(half..), half as u64)];
    assert_eq!(a.send(rest()).await.unwrap(), Verdict::Accepted);
    // Sent again, asked again, announced again: counted once, and told so each time, also after the round has closed.
    for _ in 0..3 {
        assert_eq!(a.send(rest()).await.unwrap(), Verdict::Accepted);
        assert_eq!(a.query(next.clone()).await.unwrap(), Progress::Answered(Verdict::Accepted));
        assert_eq!(announced(&a, &work).await, Announced::Answered(Verdict::Accepted));
    }
    assert!(a.work().await.is_none());
    assert_eq!(serving.await.unwrap().unwrap().rounds_released, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_its_round_an_upload_is_refused_with_the_next_window() {
    let file = TaskFile { rounds: 1, minimum_reports: 2, ..TaskFile::default() };
    let (port, serving) = serve(&file, &["a", "b"], Limits::default()).await;
    let [a, b] = ["a", "b"].map(|name| ZeroDevice::new(name, port));
    a.check_in().await.unwrap();
    let late = b.work().await.unwrap();
    let Announced::Expected { upload_token, .. } = announced(&b, &late).await else { panic!("a new one") };
    // It says that nothing will come, and the round closes with the other one's.
    assert_eq!(b.withdraw(&late).await.unwrap(), Verdict::Accepted);
    let work = a.work().await.unwrap();
    assert_eq!(a.answer(&work).await.unwrap(), Verdict::Accepted);
    let status = b.send(vec![Part::UploadToken(upload_token), chunk(zeros(&late.grid), 0)]).await.unwrap_err();
    assert_eq!(with_window(&status), (Code::FailedPrecondition, "ROUND_CLOSED".into()));
    assert!(a.work().await.is_none());
    assert_eq!(serving.await.unwrap().unwrap().rounds_released, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_expires_with_its_window_and_not_before() {
    let file = TaskFile { rounds: 1, window_seconds: 1, ..TaskFile::default() };
    let (port, serving) = serve(&file, &["a", "b"], Limits::default()).await;
    let [a, b] = ["a", "b"].map(|name| ZeroDevice::new(name, port));
    let late = b.work().await.unwrap();
    let Announced::Expected { upload_token, .. } = announced(&b, &late).await else { panic!("a new one") };
    let mut work = None;
    while work.is_none() {
        match a.check_in().await.unwrap() {
            murmur_proto::answer::CheckIn::Assigned(assignment) => work = Some(assignment),
            murmur_proto::answer::CheckIn::TurnedAway(reason) => panic!("{reason:?} in an open window"),
        }
    }
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let expired = (Code::FailedPrecondition, "ASSIGNMENT_EXPIRED".to_owned());
    assert_eq!(with_window(&a.answer(&work.unwrap()).await.unwrap_err()), expired);
    let status = b.send(vec![Part::UploadToken(upload_token), chunk(zeros(&late.grid), 0)]).await.unwrap_err();
    assert_eq!(with_window(&status), expired);
    assert!(a.work().await.is_none());
    assert_eq!(serving.await.unwrap().unwrap().rounds_released, 1);
}
