use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use murmur_round::model::ModelSpec;
use tempfile::TempDir;

use super::{DataError, Dataset, ExampleError, Examples, User, load_folder, load_leaf};

fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An IDX file: kind, extents, payload.
fn idx(kind: u8, extents: &[u32], payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, kind];
    bytes.extend(extents.iter().flat_map(|extent| extent.to_be_bytes()));
    bytes.extend_from_slice(payload);
    bytes
}

fn images() -> Vec<u8> {
    idx(3, &[3, 1, 2], &[0, 255, 51, 102, 153, 204])
}

fn labels() -> Vec<u8> {
    idx(1, &[3], &[0, 1, 7])
}

const IMAGES: &str = "train-images-idx3-ubyte";
const LABELS: &str = "train-labels-idx1-ubyte";

fn fails(files: &[(&str, Vec<u8>)]) -> DataError {
    load_folder(folder(files).path()).unwrap_err()
}

fn leaf_fails(text: &str) -> String {
    let folder = folder(&[("a.json", text.into())]);
    let error = load_leaf(&folder.path().join("a.json")).unwrap_err().to_string();
    assert!(error.contains("a.json"), "{error}");
    error
}

/// The shared data, or nothing, said aloud.
pub(super) fn shared(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let path = std::env::var_os("MURMUR_SHARED").map_or_else(beside, PathBuf::from).join("data").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: no {}", path.display());
    None
}

#[test]
fn idx_files_load_plain_and_compressed() {
    let users = b"user,shard,offset,count\nann,0,0,2\nbob,0,2,1\n".to_vec();
    let mixed = folder(&[
        (IMAGES, images()),
        ("train-labels-idx1-ubyte.gz", gzip(&labels())),
        ("train-users.csv", users),
        ("t10k-images-idx3-ubyte.gz", gzip(&idx(3, &[1, 1, 2], &[255, 0]))),
        ("t10k-labels-idx1-ubyte", idx(1, &[1], &[4])),
    ]);
    let dataset = load_folder(mixed.path()).unwrap();
    assert_eq!(dataset.train().shape(), [1, 1, 2]);
    assert_eq!(dataset.train().inputs(), [0.0, 1.0, 0.2, 0.4, 0.6, 0.8]);
    assert_eq!(dataset.train().labels(), [0, 1, 7]);
    let users = dataset.users().unwrap();
    assert_eq!(users[0], User { name: "ann".parse().unwrap(), indices: 0..2 });
    assert_eq!(dataset.train().slice(users[1].indices.clone()).labels(), [7]);
    assert_eq!(dataset.test().unwrap().labels(), [4]);
    let model = ModelSpec::linear([1, 1, 2], 8);
    assert!(dataset.check(&model).is_ok());
    let model = ModelSpec::linear([1, 1, 2], 7);
    let error = dataset.check(&model).unwrap_err().to_string();
    assert!(error.contains("train-labels-idx1-ubyte.gz: label 7 (example 2)"), "{error}");
    let model = ModelSpec::linear([1, 2, 1], 8);
    assert!(matches!(dataset.check(&model), Err(DataError::Examples { cause: ExampleError::Shape { .. }, .. })));
}

#[test]
fn test_examples_have_users_and_some_users_are_not_trained_on() {
    let examples = |prefix: &str, users: &str| -> [(String, Vec<u8>); 3] {
        [
            (format!("{prefix}-images-idx3-ubyte"), images()),
            (format!("{prefix}-labels-idx1-ubyte"), labels()),
            (format!("{prefix}-users.csv"), format!("user,offset,count\n{users}\n").into_bytes()),
        ]
    };
    let all = |unseen: &str| {
        let files = [
            examples("train", "ann,0,2\nbob,2,1"),
            examples("test", "bob,0,3"),
            examples("heldout-users-test", unseen),
        ];
        let files: Vec<_> = files.into_iter().flatten().collect();
        let files: Vec<(&str, Vec<u8>)> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
        load_folder(folder(&files).path())
    };
    let dataset = all("cid,0,2\ndan,2,1").unwrap();
    let names = |users: Option<&[User]>| users.unwrap().iter().map(|user| user.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(dataset.test_users()), ["bob"]);
    assert_eq!(names(dataset.unseen_users()), ["cid", "dan"]);
    assert_eq!(dataset.unseen().unwrap().labels(), [0, 1, 7]);
    let error = all("cid,0,2\nann,2,1").unwrap_err().to_string();
    assert!(error.contains("user ann has training examples too"), "{error}");
}

#[test]
fn one_file_is_a_data_set_too() {
    let leaf = br#"{"users": ["a"], "num_samples": [1], "user_data": {"a": {"x": [[0.5, 1.0]], "y": [1]}}}"#;
    let there = folder(&[
        ("one.json.gz", gzip(leaf)),
        ("two.jsonl", b"{\"user\": \"ann\", \"text\": \"what a day\"}\n".to_vec()),
        ("three.csv", b"a,b\n".to_vec()),
    ]);
    let load = |name: &str| load_folder(&there.path().join(name));
    let named = |dataset: Dataset| dataset.users().unwrap()[0].name.to_string();
    assert_eq!((named(load("one.json.gz").unwrap()), named(load("two.jsonl").unwrap())), ("a".into(), "ann".into()));
    assert!(load("three.csv").unwrap_err().to_string().contains("what the columns of a table mean"));
}

#[test]
fn leaf_folders_may_lie_in_an_archive() {
    let leaf = |user: &str, label: u32| {
        format!(
            r#"{{"users": ["{user}"], "num_samples": [1], "user_data": {{"{user}": {{"x": [[0.5, 1.0]], "y": [{label}]}}}}}}"#
        )
    };
    let files =
        [("all/test/t.json", leaf("a", 2)), ("all/train/2.json", leaf("b", 1)), ("all/train/1.json", leaf("a", 0))];
    let mut archive = tar::Builder::new(Vec::new());
    for (name, text) in &files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    let whole = gzip(&archive.into_inner().unwrap());
    let broken = whole[..whole.len() / 2].to_vec();
    let there = folder(&[("all.tar.gz", whole), ("none.tar", vec![0; 1024]), ("broken.tgz", broken)]);
    let dataset = load_folder(&there.path().join("all.tar.gz")).unwrap();
    let names: Vec<_> = dataset.users().unwrap().iter().map(|user| user.name.to_string()).collect();
    assert_eq!(names, ["a", "b"], "by the names of their files");
    assert_eq!((dataset.train().labels(), dataset.test().unwrap().labels()), ([0, 1].as_slice(), [2].as_slice()));
    assert!(matches!(load_folder(&there.path().join("none.tar")), Err(DataError::NoDataset { .. })));
    assert!(load_folder(&there.path().join("broken.tgz")).is_err());
}

#[test]
fn tensors_take_the_place_of_idx_files() {
    use safetensors::{Dtype, tensor::TensorView};
    let (inputs, labels_bytes) = ([0, 255, 51, 102, 153, 204], [0, 1, 7]);
    let views = [
        ("inputs", TensorView::new(Dtype::U8, vec![3, 1, 2], &inputs).unwrap()),
        ("labels", TensorView::new(Dtype::U8, vec![3], &labels_bytes).unwrap()),
    ];
    let file = safetensors::serialize(views, None).unwrap();
    let users = || b"user,offset,count\nann,0,2\nbob,2,1\n".to_vec();
    let there = folder(&[
        ("train.safetensors", file.clone()),
        ("train-users.csv", users()),
        ("test.safetensors.gz", gzip(&file)),
        ("test-users.csv", users()),
    ]);
    let dataset = load_folder(there.path()).unwrap();
    let same = load_folder(folder(&[(IMAGES, images()), (LABELS, labels())]).path()).unwrap();
    assert_eq!(dataset.train(), same.train());
    assert_eq!(dataset.test(), Some(same.train()));
    assert_eq!((dataset.users().unwrap().len(), dataset.test_users().unwrap().len()), (2, 2));
    let twice = fails(&[("train.safetensors", file), (IMAGES, images()), (LABELS, labels())]);
    assert!(matches!(twice, DataError::Twice { .. }), "{twice}");
}

#[test]
fn a_broken_idx_file_is_named() {
    let with_images = |bytes: Vec<u8>| fails(&[(IMAGES, bytes), (LABELS, labels())]);
    let truncated = with_images(images()[..21].to_vec());
    assert!(matches!(truncated, DataError::Truncated { expected: 22, found: 21, .. }), "{truncated}");
    assert!(truncated.to_string().contains(IMAGES));
    assert!(matches!(with_images(vec![0, 0, 8, 3, 0]), DataError::Truncated { expected: 16, found: 5, .. }));
    assert!(matches!(with_images(Vec::new()), DataError::Truncated { found: 0, .. }));
    assert!(matches!(with_images([images(), vec![1]].concat()), DataError::TrailingBytes { expected: 22, .. }));
    let wrong = with_images(labels());
    assert!(matches!(wrong, DataError::Magic { expected: 0x803, found: 0x801, .. }), "{wrong}");
    // Absurd sizes: more than can be counted, more than the limit, and plausible but not there.
    for extents in [[u32::MAX; 3], [1 << 20, 1 << 10, 1 << 10]] {
        assert!(matches!(with_images(idx(3, &extents, &[1])), DataError::TooLarge { .. }));
    }
    let promised = with_images(idx(3, &[1 << 11, 1 << 10, 1 << 10], &[1]));
    assert!(matches!(promised, DataError::Truncated { found: 17, .. }), "{promised}");
    let broken_off = gzip(&images());
    assert!(matches!(with_images(broken_off[..broken_off.len() - 12].to_vec()), DataError::Truncated { .. }));
    let mut garbled = gzip(&images());
    // The checksum, eight bytes before the end.
    let checksum = garbled.len() - 8;
    garbled[checksum] ^= 0xff;
    assert!(matches!(with_images(garbled), DataError::Io { .. }));
    let flat = with_images(idx(3, &[3, 0, 2], &[]));
    assert!(matches!(flat, DataError::Examples { cause: ExampleError::ImpossibleShape(_), .. }), "{flat}");
}

#[test]
fn idx_files_that_do_not_belong_together_are_named() {
    let fewer = fails(&[(IMAGES, images()), (LABELS, idx(1, &[2], &[0, 1]))]).to_string();
    assert!(fewer.contains("holds 3 images") && fewer.contains("holds 2 labels"), "{fewer}");
    let lonely = fails(&[(IMAGES, images())]).to_string();
    assert!(lonely.contains(LABELS), "{lonely}");
    let test = ("test-images-idx3-ubyte", idx(3, &[1, 2, 1], &[0, 0]));
    let other = fails(&[(IMAGES, images()), (LABELS, labels()), test, ("test-labels-idx1-ubyte", idx(1, &[1], &[0]))]);
    assert!(matches!(other, DataError::Examples { cause: ExampleError::Shape { .. }, .. }), "{other}");
}

#[test]
fn a_folder_without_a_dataset_is_named() {
    let nothing = fails(&[("readme.txt", Vec::new())]);
    assert!(matches!(nothing, DataError::NoDataset { .. }), "{nothing}");
    assert!(nothing.to_string().contains(IMAGES));
    assert!(matches!(load_folder(Path::new("/no/such/folder")), Err(DataError::Io { .. })));
}

#[test]
fn users_of_idx_files_are_checked() {
    let with_users =
        |text: &str| fails(&[(IMAGES, images()), (LABELS, labels()), ("train-users.csv", text.into())]).to_string();
    assert!(with_users("name,offset,count\n").contains("must name the columns"));
    assert!(with_users("").contains("must name the columns"));
    assert!(with_users("user,offset,count\nann,0\n").contains("line 2"));
    assert!(with_users("user,offset,count\nann,0,-1\n").contains("line 2"));
    assert!(with_users(&format!("user,offset,count\nann,1,{}\n", usize::MAX)).contains("line 2"));
    assert!(with_users("user,offset,count\nann,2,2\n").contains("ends at example 4"));
    assert!(with_users("user,offset,count\nann,0,1\nann,1,1\n").contains("user ann comes up twice"));
    assert!(with_users("user,offset,count\nann,0,2\nbob,1,1\n").contains("ann and bob share examples"));
    assert!(with_users("user,offset,count\na b,0,2\n").contains("a b"));
}

#[test]
fn leaf_files_load_in_order_and_merge() {
    let first = r#"{"users": ["z", "none", "a"], "num_samples": [1, 0, 2], "hierarchies": [],
        "user_data": {"none": {"x": [], "y": []}, "a": {"x": [[1, 2], [3, 4]], "y": [1.0, 0]}, "z": {"x": [[5, 6e-1]], "y": [9]}}}"#;
    let second = r#"{"users": ["m"], "num_samples": [1], "user_data": {"m": {"x": [[7, 8]], "y": [2]}}}"#;
    let folder = folder(&[
        ("train/1.json", first.into()),
        ("train/2.json.gz", gzip(second.as_bytes())),
        ("test/1.json", second.into()),
    ]);
    let dataset = load_folder(folder.path()).unwrap();
    assert_eq!(dataset.train().shape(), [1, 1, 2]);
    assert_eq!(dataset.train().inputs(), [5.0, 0.6, 1.0, 2.0, 3.0, 4.0, 7.0, 8.0]);
    assert_eq!(dataset.train().labels(), [9, 1, 0, 2]);
    let users: Vec<_> =
        dataset.users().unwrap().iter().map(|user| (user.name.as_str(), user.indices.clone())).collect();
    assert_eq!(users, [("z", 0..1), ("none", 1..1), ("a", 1..3), ("m", 3..4)]);
    assert_eq!(dataset.test().unwrap().labels(), [2]);
    let error = dataset.check(&ModelSpec::linear([1, 1, 2], 9)).unwrap_err().to_string();
    assert!(error.contains("1.json: label 9"), "{error}");
    let loaded = load_leaf(&folder.path().join("train/1.json")).unwrap();
    assert_eq!(loaded[1].1, Examples::none([1, 1, 2]).unwrap());
}

#[test]
fn a_broken_leaf_file_is_named() {
    let one = |x: &str, y: &str, count: &str| {
        leaf_fails(&format!(
            r#"{{"users": ["ann"], "num_samples": [{count}], "user_data": {{"ann": {{"x": {x}, "y": {y}}}}}}}"#
        ))
    };
    assert!(one("[[1]]", "[0]", "2").contains("ann should have 2 samples"));
    assert!(one("[[1]]", "[0, 1]", "1").contains("1 inputs and 2 labels"));
    assert!(one("[[1, 2], [3]]", "[0, 1]", "2").contains("ann has an example of 1 features"));
    assert!(one("[[1e39]]", "[0]", "1").contains("ann has a feature that is not a finite number"));
    assert!(one("[[NaN]]", "[0]", "1").contains("user ann: expected value at line 1 column"));
    assert!(
        leaf_fails(
            r#"{"users": [], "num_samples": [], "user_data": {"a": {"x": [], "y": []}, "a": {"x": [], "y": []}}}"#
        )
        .contains("user a comes up twice")
    );
    assert!(one("[[1]]", "[-1]", "1").contains("ann has the label -1"));
    assert!(one("[[1]]", "[0.5]", "1").contains("ann has the label 0.5"));
    assert!(one("[[1]]", "[0]", "1, 1").contains("1 users, but 2 entries"));
    assert!(one("[[]]", "[0]", "1").contains("no example can have the shape"));
    assert!(leaf_fails(r#"{"users": ["a"], "num_samples": [0], "user_data": {}}"#).contains("user a is in only one"));
    let data = r#""user_data": {"a": {"x": [[1]], "y": [0]}}}"#;
    assert!(leaf_fails(&format!(r#"{{"users": [], "num_samples": [], {data}"#)).contains("user a is in only one"));
    assert!(
        leaf_fails(&format!(r#"{{"users": ["a", "a"], "num_samples": [1, 1], {data}"#)).contains("a comes up twice")
    );
    assert!(leaf_fails("{}").contains("not a LEAF json file"));
}

#[test]
fn examples_agree_with_themselves() {
    let short = Examples::new([1, 1, 2], vec![0.0; 3], vec![0, 1]).unwrap_err();
    assert!(matches!(short, ExampleError::InputLength { expected: 4, found: 3, .. }));
    assert!(Examples::none([1, 0, 2]).is_err());
    assert!(Examples::none([usize::MAX, 2, 2]).is_err());
    let examples = Examples::new([1, 1, 2], vec![1.0, 2.0, 3.0, 4.0], vec![5, 6]).unwrap();
    let picked = examples.select(&[1, 0, 1]);
    assert_eq!((picked.inputs(), picked.labels()), (&[3.0, 4.0, 1.0, 2.0, 3.0, 4.0][..], &[6, 5, 6][..]));
    assert!(examples.select(&[]).is_empty());
    assert_eq!(format!("{examples:?}"), "Examples { shape: [1, 1, 2], len: 2, .. }");
    let overlapping = ["a", "b"].map(|name| User { name: name.parse().unwrap(), indices: 0..1 });
    assert!(matches!(Dataset::new(examples, Some(overlapping.to_vec()), None), Err(DataError::UserOverlap { .. })));
}

#[test]
fn the_shared_idx_folders_load() {
    if let Some(path) = shared("femnist") {
        let dataset = load_folder(&path).unwrap();
        assert_eq!((dataset.train().len(), dataset.test().unwrap().len()), (14_640, 1_677));
        let users = dataset.users().unwrap();
        assert_eq!(users.len(), 105);
        assert_eq!(users.iter().map(|user| user.indices.len()).sum::<usize>(), 14_640);
        assert!(dataset.check(&ModelSpec::linear([1, 28, 28], 62)).is_ok());
        assert_eq!(dataset.test_users().unwrap().iter().map(|user| user.indices.len()).sum::<usize>(), 1_677);
        assert_eq!((dataset.unseen().unwrap().len(), dataset.unseen_users().unwrap().len()), (2_493, 85));
    }
    if let Some(path) = shared("fashion-mnist") {
        let dataset = load_folder(&path).unwrap();
        assert_eq!((dataset.train().len(), dataset.test().unwrap().len()), (60_000, 10_000));
        assert!(dataset.users().is_none());
    }
}

#[test]
fn the_shared_leaf_files_load() {
    let Some(path) = shared("synthetic-leaf") else { return };
    for (name, count) in [("0.5_0.5", 912), ("0_0", 897), ("1_1", 1084), ("iid", 805)] {
        let users = load_leaf(&path.join(format!("synthetic_{name}_mytest.json.gz"))).unwrap();
        assert_eq!(users.len(), 30);
        assert!(users.iter().all(|(_, examples)| examples.shape() == [1, 1, 60]));
        assert_eq!(users.iter().map(|(_, examples)| examples.len()).sum::<usize>(), count);
    }
    // Four datasets of the same users side by side are not one dataset.
    assert!(matches!(load_folder(&path), Err(DataError::DuplicateUser { .. })));
}
