//! Connections that are not made: whoever shows what the device CA did not sign, or talks in clear, does not get in.

use std::{fs, io::Read, net::TcpStream, sync::Arc, time::Duration};

use murmur_server::{Door, moment::Moment, serve_enrolment};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::net::TcpListener;

use super::{
    house::{House, Pass, channel},
    requests::{self_signed, uri},
};
use crate::{hostile::reason, zero_device::ZeroDevice};

/// How a peer shakes hands that knows the house, and shows this or nothing.
pub(super) fn client_config(house: &House, shown: Option<String>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(house.files().device_ca()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let mut config = match shown {
        Some(pem) => {
            let chain = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().unwrap();
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols.push(b"h2".to_vec());
    config
}

/// Shakes hands and waits for the first word: that of the service, or what TLS says instead.
fn first_word(house: &House, port: u16, shown: Option<String>) -> Result<(), rustls::Error> {
    let tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
    tcp.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let config = Arc::new(client_config(house, shown));
    let connection = ClientConnection::new(config, "127.0.0.1".try_into().unwrap()).unwrap();
    let error = match StreamOwned::new(connection, tcp).read(&mut [0; 16]) {
        Ok(count) => {
            assert!(count > 0, "closed without a word");
            return Ok(());
        }
        Err(error) => error,
    };
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    Err(inner.unwrap_or_else(|| panic!("{error}")).clone())
}

fn pem_of(house: &House, name: &str) -> String {
    let read = |name: String| fs::read_to_string(house.folder.path().join(name)).unwrap();
    read(format!("{name}-key.pem")) + &read(format!("{name}.pem"))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_the_device_ca_did_not_certify_is_told_so_by_tls() {
    let house = House::new();
    let (door, port) = house.door().await;
    let serving = tokio::spawn(serve_enrolment(door, std::future::pending()));
    let alert = |shown: String| match first_word(&house, port, Some(shown)) {
        Err(rustls::Error::AlertReceived(alert)) => alert,
        other => panic!("{other:?}"),
    };
    let signed = |from: i32, until: i32, usage: ExtendedKeyUsagePurpose| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
        params.subject_alt_names = vec![uri("murmur://device/phones/00112233445566778899aabbccddeeff/1")];
        params.extended_key_usages = vec![usage];
        let der = house.sign(params, &key);
        Pass::forged(key, der).identity()
    };
    let key = KeyPair::generate().unwrap();
    let der = self_signed(&key);
    let (past, present) = ((2000, 2001), (2000, 4000));
    let cases = [
        ("self-signed", Pass::forged(key, der).identity(), AlertDescription::UnknownCA),
        ("an operator's", pem_of(&house, "operator"), AlertDescription::UnknownCA),
        ("of another house", House::new().device("phones").identity(), AlertDescription::UnknownCA),
        ("the admin CA itself", pem_of(&house, "admin-ca"), AlertDescription::CertificateUnknown),
        ("the listener's own", pem_of(&house, "device-listener"), AlertDescription::UnsupportedCertificate),
        (
            "a server's",
            signed(present.0, present.1, ExtendedKeyUsagePurpose::ServerAuth),
            AlertDescription::UnsupportedCertificate,
        ),
        ("expired", signed(past.0, past.1, ExtendedKeyUsagePurpose::ClientAuth), AlertDescription::CertificateExpired),
    ];
    tokio::task::block_in_place(|| {
        for (what, shown, expected) in cases {
            assert_eq!(alert(shown), expected, "{what}");
        }
        assert_eq!(first_word(&house, port, None), Ok(()));
        assert_eq!(first_word(&house, port, Some(house.device("phones").identity())), Ok(()));
    });
    // Over gRPC it is no answer either.
    let operator = ZeroDevice::over("a", channel(&house.files().device_ca(), port, Some(pem_of(&house, "operator"))));
    operator.check_in().await.unwrap_err();
    serving.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_not_sure_of_its_coordinator_says_nothing() {
    let (house, other) = (House::new(), House::new());
    let (door, port) = house.door().await;
    let serving = tokio::spawn(serve_enrolment(door, std::future::pending()));
    let word = tokio::task::block_in_place(|| first_word(&other, port, None));
    assert_eq!(word, Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)));
    serving.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_text_and_tls_do_not_meet() {
    let house = House::new();
    let pass = house.device("phones");
    let (door, port) = house.door().await;
    assert_eq!(door.url().unwrap(), format!("https://127.0.0.1:{port}"));
    let serving = tokio::spawn(serve_enrolment(door, std::future::pending()));
    let in_clear = ZeroDevice::new(pass.id().as_str(), port).check_in().await;
    assert!(in_clear.is_err(), "{in_clear:?}");
    house.zero_device(port, &pass).check_in().await.expect("the door is not harmed");
    serving.abort();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let door = Door::insecure_loopback(listener).unwrap();
    let serving = tokio::spawn(serve_enrolment(door, std::future::pending()));
    let word = tokio::task::block_in_place(|| first_word(&house, port, Some(pass.identity())));
    assert!(matches!(word, Err(rustls::Error::InvalidMessage(_))), "{word:?}");
    // And nobody is certified in clear.
    let in_clear = ZeroDevice::new("a", port);
    in_clear.check_in().await.expect("it is believed");
    assert_eq!(reason(&in_clear.renew(pass.request()).await.unwrap_err()).1, "NO_AUTHORITY");
    serving.abort();

    let everywhere = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let error = Door::insecure_loopback(everywhere).err().unwrap();
    assert!(error.to_string().contains("without TLS only loopback"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_does_not_outlive_the_certificate_it_was_made_with() {
    let house = House::new();
    let (door, port) = house.door().await;
    let serving = tokio::spawn(serve_enrolment(door, std::future::pending()));
    let device = house.device("phones");
    // A certificate of the device's, for two seconds.
    let brief = house.registrar(Duration::from_secs(2));
    let standing = brief.caller(Some(&device.certificate.as_ref().unwrap().chain[0]), Moment::now()).unwrap();
    let certificate = brief.renew(standing, &device.request(), Moment::now()).unwrap();
    let device = Pass { certificate: Some(certificate), ..device };
    let calls = house.zero_device(port, &device);
    calls.check_in().await.unwrap();
    let until = device.certificate.as_ref().unwrap().valid_until;
    while Moment::now().seconds() <= until {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(reason(&calls.check_in().await.unwrap_err()).1, "CERTIFICATE_EXPIRED");
    assert_eq!(reason(&calls.renew(device.request()).await.unwrap_err()).1, "CERTIFICATE_EXPIRED");
    serving.abort();
}
