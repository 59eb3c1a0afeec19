//! The admin port as a program uses it that is not our own command line.

use std::collections::BTreeSet;

use murmur_privacy::{Digest, Ledger, ledger::Entry};
use murmur_proto::v1::{
    AdminServiceReadModelRequest, GetLedgerRequest, ListDevicesRequest, ListModelsRequest, RevokeDeviceRequest,
    VerifyLedgerRequest, admin_service_client::AdminServiceClient,
};
use murmur_round::checkpoint::read_manifest;
use tokio_stream::StreamExt;
use tonic::{Code, Status, transport::Channel};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};
use tonic_types::StatusExt;

use super::fleet::{Site, admin_channel, operator_identity, terminate};
use crate::{identity::house::channel, tasks::TaskFile, zero_device::ZeroDevice};

fn reason(status: &Status) -> (Code, String) {
    (status.code(), status.get_details_error_info().unwrap().reason)
}

/// Names of the services that a server says it has.
async fn services(channel: Channel) -> Result<BTreeSet<String>, Status> {
    let question = MessageRequest::ListServices(String::new());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
    let asked = ServerReflectionClient::new(channel).server_reflection_info(tokio_stream::once(request)).await?;
    let answer = asked.into_inner().message().await?.unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(list) = answer else { panic!("{answer:?}") };
    Ok(list.service.into_iter().map(|service| service.name).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn services_are_told_to_operators_and_to_no_device() {
    let site = Site::new();
    let running = site.serve();
    let told = services(admin_channel(&site, Some(operator_identity(&site)))).await.unwrap();
    assert!(told.contains("murmur.v1.AdminService") && told.contains("grpc.health.v1.Health"), "{told:?}");
    let pass = &site.enrol("phones", 1).await[0];
    let refused = services(channel(&site.ca(), site.port, Some(pass.identity()))).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    terminate(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ledger_models_and_devices_are_read_over_the_wire_as_they_are() {
    let site = Site::new();
    let running = site.serve();
    let passes = site.enrol("phones", 3).await;
    let task = TaskFile { name: "short", rounds: 2, minimum_reports: 3, ..TaskFile::default() };
    site.json(&["task", "create", &site.file("short", &task.text())]);
    let devices = site.take_part(&passes);
    site.until("its end", |site| site.state("short") == "completed").await;
    let mut admin = AdminServiceClient::new(admin_channel(&site, Some(operator_identity(&site))));

    let request = GetLedgerRequest { population: "phones".to_owned() };
    let parts: Vec<_> = admin.get_ledger(request).await.unwrap().into_inner().collect().await;
    let lines: Vec<String> = parts.into_iter().flat_map(|part| part.unwrap().lines).collect();
    let export = site.done(&["ledger", "export", "--population", "phones"]);
    assert_eq!(lines, export.lines().collect::<Vec<_>>());
    let ledger =
        Ledger::replay(lines.iter().zip(0..).map(|(line, index)| Entry::from_line(index, line).unwrap())).unwrap();
    let request = VerifyLedgerRequest { population: "phones".to_owned() };
    let verified = admin.verify_ledger(request).await.unwrap().into_inner();
    assert_eq!((verified.entries, &verified.head[..]), (ledger.length(), &ledger.head().as_bytes()[..]));

    let models = admin.list_models(ListModelsRequest::default()).await.unwrap().into_inner().models;
    assert_eq!(models.iter().map(|model| model.round).collect::<Vec<_>>(), [0, 1]);
    for listed in &models {
        let request = AdminServiceReadModelRequest { model_sha256: listed.model_sha256.clone() };
        let parts: Vec<_> = admin.read_model(request).await.unwrap().into_inner().collect().await;
        let file: Vec<u8> = parts.into_iter().flat_map(|part| part.unwrap().data).collect();
        assert_eq!(Digest::of(&file).as_bytes()[..], listed.model_sha256[..]);
        let manifest = read_manifest(&file).unwrap();
        assert_eq!(manifest.round, Some(listed.round));
        let founding = manifest.founding.unwrap();
        assert_eq!(&founding.opening, ledger.opening());
        assert_eq!(&founding.reservation, ledger.account(&manifest.task).unwrap().reservation());
    }

    // Revoked for good, from its next request on, and as often as one says so.
    let revoked = passes[0].id();
    let request = RevokeDeviceRequest { device_id: revoked.as_str().to_owned() };
    let since = admin.revoke_device(request.clone()).await.unwrap().into_inner().revoked;
    assert_eq!(admin.revoke_device(request).await.unwrap().into_inner().revoked, since);
    let request = ListDevicesRequest { population: "phones".to_owned() };
    let parts: Vec<_> = admin.list_devices(request).await.unwrap().into_inner().collect().await;
    let listed: Vec<_> = parts.into_iter().flat_map(|part| part.unwrap().devices).collect();
    let names: BTreeSet<_> = listed.iter().map(|device| device.device_id.clone()).collect();
    assert_eq!(names, passes.iter().map(|pass| pass.id().as_str().to_owned()).collect());
    for device in &listed {
        assert_eq!(device.revoked, if device.device_id == revoked.as_str() { since.as_str() } else { "" });
    }
    let gone = ZeroDevice::over(revoked.as_str(), channel(&site.ca(), site.port, Some(passes[0].identity())));
    assert_eq!(reason(&gone.check_in().await.unwrap_err()).1, "REVOKED");
    drop(devices);
    terminate(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_told_by_its_reason() {
    let site = Site::new();
    let running = site.serve();
    let mut admin = AdminServiceClient::new(admin_channel(&site, Some(operator_identity(&site))));
    let population = "nobody".to_owned();
    let no_ledger = (Code::NotFound, "NO_LEDGER".to_owned());
    let status = admin.get_ledger(GetLedgerRequest { population: population.clone() }).await.unwrap_err();
    assert_eq!(reason(&status), no_ledger);
    let status = admin.verify_ledger(VerifyLedgerRequest { population }).await.unwrap_err();
    assert_eq!(reason(&status), no_ledger);
    for (model, code, told) in [
        (vec![7; 32], Code::NotFound, "NO_SUCH_MODEL"),
        (vec![7; 31], Code::InvalidArgument, "MALFORMED"),
        (Vec::new(), Code::InvalidArgument, "MALFORMED"),
    ] {
        let request = AdminServiceReadModelRequest { model_sha256: model.into() };
        assert_eq!(reason(&admin.read_model(request).await.unwrap_err()), (code, told.to_owned()));
    }
    let request = RevokeDeviceRequest { device_id: "nobody".to_owned() };
    assert_eq!(reason(&admin.revoke_device(request).await.unwrap_err()), (Code::NotFound, "UNKNOWN_DEVICE".to_owned()));
    terminate(running).await;
}
