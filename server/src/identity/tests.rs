//! Making keys and certificates, once.

use std::{collections::BTreeSet, fs};

use tempfile::TempDir;

use super::{Files, IdentityError, Token, init};
use crate::moment::Moment;

fn names(folder: &TempDir) -> BTreeSet<String> {
    let entries = fs::read_dir(folder.path()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn nothing_that_exists_is_overwritten_and_a_refusal_leaves_nothing() {
    let whole = TempDir::new().unwrap();
    init(whole.path(), &["example.org".to_owned()], Moment::now()).unwrap();
    let made = names(&whole);
    assert_eq!(made.len(), 10, "{made:?}");
    assert!(made.contains("device-ca.pem"));
    for name in &made {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join(name), "mine").unwrap();
        let error = init(folder.path(), &[], Moment::now()).unwrap_err();
        assert!(matches!(&error, IdentityError::Exists { path } if path.ends_with(name)), "{error}");
        assert_eq!(names(&folder), BTreeSet::from([name.clone()]));
        assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), "mine");
    }
}

#[cfg(unix)]
#[test]
fn private_keys_are_readable_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    init(folder.path(), &[], Moment::now()).unwrap();
    for name in names(&folder) {
        let path = folder.path().join(&name);
        let private = fs::read_to_string(&path).unwrap().contains("PRIVATE KEY");
        assert_eq!(private, name.ends_with("-key.pem"), "{name}");
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert!(mode == 0o600 || !private, "{name}: {mode:o}");
    }
}

#[test]
fn hosts_are_names_or_addresses() {
    let made = |host: &str| {
        let folder = TempDir::new().unwrap();
        let result = init(folder.path(), &[host.to_owned()], Moment::now()).map(drop);
        assert!(result.is_ok() || names(&folder).is_empty(), "a mistake leaves nothing behind");
        result
    };
    for good in ["example.org", "a-b.example.org", "*.example.org", "10.1.2.3", "2001:db8::1", "[2001:db8::1]", "host"]
    {
        made(good).unwrap();
    }
    for bad in ["", "a b", "https://example.org", "example.org:7878", "-a", "a..b", "*", "ä.org", "a/b"] {
        assert!(matches!(made(bad), Err(IdentityError::Host { host }) if host == bad), "{bad}");
    }
}

#[test]
fn what_is_not_there_or_not_a_key_is_named() {
    let folder = TempDir::new().unwrap();
    let files = Files::of(folder.path());
    let absent = files.device_authority().unwrap_err();
    assert!(matches!(&absent, IdentityError::Absent { .. }) && absent.to_string().contains("init"), "{absent}");
    init(folder.path(), &[], Moment::now()).unwrap();
    files.device_authority().unwrap();
    fs::write(folder.path().join("device-ca-key.pem"), "no key").unwrap();
    let error = files.device_authority().unwrap_err();
    assert!(matches!(&error, IdentityError::Malformed { path, .. } if path.ends_with("device-ca.pem")), "{error}");
}

#[test]
fn tokens_are_random_and_show_themselves_to_nobody_by_accident() {
    let tokens: BTreeSet<String> = (0..100).map(|_| Token::generate().unwrap().to_string()).collect();
    assert_eq!(tokens.len(), 100);
    assert!(tokens.iter().all(|token| token.len() == 6 + 32 && token.starts_with("enrol-")));
    let token = Token::generate().unwrap();
    assert_eq!(format!("{token:?}"), "Token(..)");
    assert_eq!(token.hash(), Token::hash_of(&token.to_string()));
}
