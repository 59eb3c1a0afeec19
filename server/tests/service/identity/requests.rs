//! Certificate requests that are none, and one that asks for more than it gets.

use bytes::Bytes;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SanType,
};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

use super::house::Pass;

/// Requests that must not be heard, each with what is said about it.
pub(super) fn bad() -> Vec<(&'static str, Bytes, &'static str)> {
    let good = Pass::new().request();
    let mut other_key = good.clone();
    // The last byte but a few of the signature.
    let place = other_key.len() - 5;
    other_key[place] ^= 1;
    let mut other_name = good.clone();
    // Somewhere in the public key, which the signature covers.
    let middle = other_name.len() / 3;
    other_name[middle] ^= 1;
    vec![
        ("garbage", vec![7; 200].into(), "is none"),
        ("half of one", good[..good.len() / 2].to_vec().into(), "is none"),
        ("one and a half", [&good[..], &[0]].concat().into(), "has bytes after its end"),
        ("another's signature", other_key.into(), "is not signed by the key it names"),
        ("another's key", other_name.into(), ""),
        ("a certificate", self_signed(&KeyPair::generate().unwrap()).into(), "is none"),
    ]
}

pub(super) fn self_signed(key: &KeyPair) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![uri("murmur://device/phones/00112233445566778899aabbccddeeff/1")];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.self_signed(key).unwrap().der().to_vec()
}

pub(super) fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

/// A request in somebody else's name, for an authority that lives for ever.
pub(super) fn forged(key: &KeyPair, victim: &str) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, victim);
    params.subject_alt_names = vec![uri(&format!("murmur://device/phones/{victim}/1"))];
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::Any];
    params.serialize_request(key).unwrap().der().to_vec()
}

/// The certificate says what the coordinator said, and nothing that the request asked for.
pub(super) fn expect_own_word(pass: &Pass, victim: &str) {
    let certificate = pass.certificate.as_ref().unwrap();
    assert_ne!(certificate.device.as_str(), victim);
    let (_, parsed) = X509Certificate::from_der(&certificate.chain[0]).unwrap();
    assert_eq!(parsed.subject().to_string(), format!("CN={}", certificate.device));
    let names = parsed.subject_alternative_name().unwrap().unwrap();
    let expected = format!("murmur://device/phones/{}/1", certificate.device);
    assert_eq!(names.value.general_names, [GeneralName::URI(&expected)]);
    assert!(!parsed.is_ca());
    let usage = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth && !usage.any);
    assert!(!parsed.key_usage().unwrap().unwrap().value.key_cert_sign());
    assert_eq!(parsed.validity().not_after.timestamp().cast_unsigned(), certificate.valid_until);
    assert!(certificate.valid_until - certificate.valid_from < 4_000, "an hour, as it was configured");
}

/// Keys of the kinds that are certified.
pub(super) fn kinds() -> Vec<Pass> {
    let kinds = [&PKCS_ECDSA_P384_SHA384, &PKCS_ED25519];
    kinds.map(|kind| Pass { key: KeyPair::generate_for(kind).unwrap(), certificate: None }).into()
}
