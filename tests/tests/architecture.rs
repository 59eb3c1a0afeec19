//! The house stands as it was drawn: dependency arrows, short files, nothing but integers and rules under `privacy`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "all of this is tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// Which of our packages each may depend on, development dependencies aside.
const ARROWS: [(&str, &[&str]); 7] = [
    ("murmur-privacy", &[]),
    ("murmur-round", &["murmur-privacy"]),
    ("murmur-proto", &["murmur-privacy", "murmur-round"]),
    ("murmur-client", &["murmur-privacy", "murmur-proto", "murmur-round"]),
    ("murmur-server", &["murmur-privacy", "murmur-proto", "murmur-round"]),
    ("murmur-sim", &["murmur-client", "murmur-privacy", "murmur-round"]),
    ("murmur-tests", &[]),
];
/// What an auditor must never meet below `privacy` and `round`, at any depth.
const FORBIDDEN: [&str; 6] = ["tokio", "tonic", "burn", "prost", "hyper", "async-trait"];
const LONGEST_FILE: usize = 500;

fn workspace() -> Metadata {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    MetadataCommand::new().manifest_path(manifest).exec().unwrap()
}

#[test]
fn packages_depend_only_along_the_arrows() {
    let metadata = workspace();
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ARROWS.iter().map(|(name, targets)| (*name, targets.iter().copied().collect())).collect();
    let mut seen = BTreeSet::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        seen.insert(name.to_owned());
        let targets = allowed.get(name).unwrap_or_else(|| panic!("package {name} has no place in the house"));
        for dependency in &package.dependencies {
            let ours = dependency.name.starts_with("murmur-") && dependency.kind != DependencyKind::Development;
            assert!(
                !ours || targets.contains(dependency.name.as_str()),
                "{name} may not depend on {}",
                dependency.name
            );
        }
    }
    assert_eq!(seen.len(), ARROWS.len());
}

#[test]
fn no_runtime_transport_or_tensor_library_lies_under_privacy_or_round() {
    let metadata = workspace();
    let resolve = metadata.resolve.as_ref().unwrap();
    let names: BTreeMap<&PackageId, &str> =
        metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
    for root in ["murmur-privacy", "murmur-round"] {
        let mut open: Vec<&PackageId> = names.iter().filter(|(_, name)| **name == root).map(|(id, _)| *id).collect();
        assert_eq!(open.len(), 1);
        let mut reached = BTreeSet::new();
        while let Some(id) = open.pop() {
            if !reached.insert(id) {
                continue;
            }
            assert!(!FORBIDDEN.contains(&names[id]), "{} lies under {root}", names[id]);
            let node = resolve.nodes.iter().find(|node| node.id == *id).unwrap();
            let normal = node
                .deps
                .iter()
                .filter(|dependency| dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
            open.extend(normal.map(|dependency| &dependency.pkg));
        }
        assert!(reached.len() > 5, "{root} has dependencies to look at");
    }
}

#[test]
fn the_coordinator_does_not_ask_for_seeded_entropy() {
    let metadata = workspace();
    for package in metadata.workspace_packages() {
        let asks = package.dependencies.iter().any(|dependency| {
            dependency.kind == DependencyKind::Normal && dependency.features.iter().any(|feature| feature == "seeded")
        });
        assert_eq!(asks, package.name.as_str() == "murmur-sim", "{}", package.name);
    }
}

#[test]
fn files_are_short_and_the_privacy_crate_knows_no_outside() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sources = Vec::new();
    for member in ["proto", "privacy", "round", "client", "server", "sim", "tests"] {
        collect(&root.join(member), &mut sources);
    }
    assert!(sources.len() > 80, "{} files", sources.len());
    for path in &sources {
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().count();
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines", path.display());
        let pure = ["privacy/src", "round/src"].iter().any(|part| path.display().to_string().contains(part));
        for word in ["std::fs", "std::net", "std::time", "std::env", "SystemTime", "Instant::now", "async fn"] {
            assert!(!pure || !text.contains(word), "{} uses {word}", path.display());
        }
    }
}

fn collect(folder: &Path, sources: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
}

/// Programs print an error and then its sources: a cause that stands in the text as well would come up twice.
#[test]
fn an_error_names_its_cause_in_its_text_or_as_its_source() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sources = Vec::new();
    for member in ["proto", "privacy", "round", "client", "server", "sim"] {
        collect(&root.join(member).join("src"), &mut sources);
    }
    let mut seen = 0;
    for path in &sources {
        let text = fs::read_to_string(path).unwrap();
        for variant in text.split("#[error(").skip(1) {
            seen += 1;
            let (shown, fields) = variant.split_once(")]").unwrap();
            // A variant of several fields ends at its brace, any other on its own line.
            let fields =
                fields.lines().find(|line| !line.trim().is_empty() && !line.trim().starts_with("///")).unwrap();
            let whole = if fields.ends_with('{') { variant.split("\n    },").next().unwrap() } else { fields };
            let is_source = ["#[from]", "#[source]", " source: "].iter().any(|mark| whole.contains(mark));
            let in_text = ["{0}", ".0", "{source"].iter().any(|mark| shown.contains(mark));
            assert!(!(is_source && in_text), "{}: #[error({shown})]", path.display());
        }
    }
    assert!(seen > 100, "{seen} messages");
}
