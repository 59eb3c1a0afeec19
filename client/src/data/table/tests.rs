use std::{fs, io::Write as _};

use flate2::{Compression, write::GzEncoder};

use super::*;

const TEXT: &str = "\
site,age,pain,note,kind,sick
north,40,1,x,train,0
south,10,2,y,train,1
north,60,3,z,train,1
south,30,1,,train,0
north,50,2,w,test,1
";

fn table() -> Table {
    Table {
        path: None,
        label: "sick".to_owned(),
        user: "site".to_owned(),
        split: Some("kind".to_owned()),
        categorical: [("pain".to_owned(), ["1", "2", "3"].map(str::to_owned).to_vec())].into(),
        ignore: vec!["note".to_owned()],
        standardise: None,
    }
}

fn loaded(table: &Table, bytes: &[u8]) -> Result<Dataset, DataError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, bytes).unwrap();
    load_table(table, file.path())
}

#[test]
fn rows_become_examples_of_their_users_train_and_test_apart() {
    let mut compressed = GzEncoder::new(Vec::new(), Compression::fast());
    compressed.write_all(TEXT.as_bytes()).unwrap();
    for bytes in [TEXT.as_bytes(), &compressed.finish().unwrap()] {
        let data = loaded(&table(), bytes).unwrap();
        let (train, test) = (data.train(), data.test().unwrap());
        assert_eq!((train.shape(), train.len(), test.len()), ([1, 1, 3], 4, 1));
        // Age, then pain 2 and pain 3; north first, as in the file.
        assert_eq!(train.inputs(), [40., 0., 0., 60., 0., 1., 10., 1., 0., 30., 0., 0.]);
        assert_eq!((train.labels(), test.inputs()), ([0, 1, 1, 0].as_slice(), [50., 1., 0.].as_slice()));
        let stretches = |users: &[User]| -> Vec<_> {
            users.iter().map(|user| (user.name.to_string(), user.indices.clone())).collect()
        };
        let named = |north, south| vec![("north".to_owned(), north), ("south".to_owned(), south)];
        assert_eq!(stretches(data.users().unwrap()), named(0..2, 2..4));
        assert_eq!(stretches(data.test_users().unwrap()), named(0..1, 1..1));
    }
}

#[test]
fn features_are_standardised_by_training_rows_alone() {
    let by_user = loaded(&Table { standardise: Some(Standardise::ByUser), ..table() }, TEXT.as_bytes()).unwrap();
    let half = std::f32::consts::FRAC_1_SQRT_2;
    // Two rows of each site: one deviation over n - 1 is their distance over the root of two. Pain 2 of the north never changes.
    assert_eq!(by_user.train().input(0), [-half, 0., -half]);
    assert_eq!(by_user.train().input(3), [half, -half, 0.]);
    assert_eq!(by_user.test().unwrap().input(0), [0., 0., -half]);
    let whole = loaded(&Table { standardise: Some(Standardise::Whole), ..table() }, TEXT.as_bytes()).unwrap();
    // Ages 40, 60, 10, 30: mean 35, squared distances 25 + 625 + 625 + 25 = 1300.
    let age = (50.0 - 35.0) / (1300.0_f32 / 3.0).sqrt();
    assert!((whole.test().unwrap().input(0)[0] - age).abs() < 1e-6);
    let alone = TEXT.replace("west", "").to_owned() + "west,5,1,q,test,0\n";
    let refused = loaded(&Table { standardise: Some(Standardise::ByUser), ..table() }, alone.as_bytes()).unwrap_err();
    assert!(refused.to_string().contains("user west has no training row"), "{refused}");
}

#[test]
fn a_mistake_in_the_file_is_named_by_line_and_column() {
    for (from, to, named) in [
        ("south,10", "south,ten", "line 3, column \"age\": \"ten\" is not a finite number"),
        ("south,10", "south,", "line 3, column \"age\": \"\" is not a finite number"),
        ("south,10", "south,NaN", "line 3, column \"age\": \"NaN\" is not a finite number"),
        ("south,10", "south,1e39", "line 3, column \"age\": \"1e39\" is not a finite number"),
        ("north,60,3", "north,60,4", "line 4, column \"pain\": \"4\" is not one of the levels"),
        ("w,test,1", "w,test,-1", "line 6, column \"sick\": \"-1\" is not a class number"),
        ("w,test,1", "w,trial,1", "line 6, column \"kind\": \"trial\" is not train or test"),
        ("south,30", "so/uth,30", "line 5, column \"site\": \"so/uth\" is not a name"),
        ("w,test,1", "w,test", "line 6 has 5 fields, the first line names 6"),
        ("age,pain", "age,age", "two columns are called \"age\""),
        ("age,pain", "age,ache", "no column \"pain\", which the key categorical names"),
    ] {
        assert!(TEXT.contains(from));
        let error = loaded(&table(), TEXT.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
        assert!(error.contains(named), "{to:?}: {error}");
    }
    let bytes = [TEXT.as_bytes(), b"north,\xff,1,x,train,0\n"].concat();
    assert!(loaded(&table(), &bytes).unwrap_err().to_string().contains("line 7 is not UTF-8"));
    let names = TEXT.lines().next().unwrap();
    assert!(loaded(&table(), names.as_bytes()).unwrap_err().to_string().contains("no row below"));
    // A compressed file that breaks off is no shorter table.
    let mut compressed = GzEncoder::new(Vec::new(), Compression::none());
    compressed.write_all(TEXT.as_bytes()).unwrap();
    let whole = compressed.finish().unwrap();
    assert!(matches!(loaded(&table(), &whole[..whole.len() - 12]), Err(DataError::Io { .. })));
}

#[test]
fn a_mistake_in_the_description_is_named_too() {
    let fails = |change: fn(&mut Table), named: &str| {
        let mut changed = table();
        change(&mut changed);
        let error = loaded(&changed, TEXT.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    };
    fails(|table| table.user = "hospital".to_owned(), "no column \"hospital\", which the key user names");
    fails(|table| table.ignore.push("sick".to_owned()), "\"sick\" is named twice");
    fails(|table| table.ignore.extend(["age".to_owned(), "pain".to_owned()]), "\"pain\" is named twice");
    fails(|table| drop(table.categorical.insert("pain".to_owned(), vec!["1".to_owned()])), "at least two levels");
    fails(
        |table| {
            table.categorical.clear();
            table.ignore.extend(["age".to_owned(), "pain".to_owned()]);
        },
        "no column is a feature",
    );
    let text = "label = \"sick\"\nuser = \"site\"\nstandardize = \"whole\"";
    assert!(toml::from_str::<Table>(text).unwrap_err().to_string().contains("standardize"));
}

#[test]
fn the_four_hospitals_have_thirteen_features_and_their_published_sizes() {
    // Beside the repository, on the machines where this is built.
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/heart-disease/fed_heart_disease.csv"));
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
        return;
    }
    let levels = |levels: &[&str]| levels.iter().map(|level| (*level).to_owned()).collect();
    let table = Table {
        label: "label".to_owned(),
        user: "center_name".to_owned(),
        split: Some("split".to_owned()),
        categorical: [
            ("cp".to_owned(), levels(&["1", "2", "3", "4"])),
            ("restecg".to_owned(), levels(&["0", "1", "2"])),
        ]
        .into(),
        ignore: vec!["center".to_owned()],
        standardise: Some(Standardise::ByUser),
        path: None,
    };
    let data = load_table(&table, path).unwrap();
    assert_eq!(data.train().shape(), [1, 1, 13]);
    let sizes = |users: &[User]| users.iter().map(|user| user.indices.len()).collect::<Vec<_>>();
    assert_eq!(sizes(data.users().unwrap()), [199, 172, 30, 85]);
    assert_eq!(sizes(data.test_users().unwrap()), [104, 89, 16, 45]);
    let labels = [data.train().labels(), data.test().unwrap().labels()].concat();
    assert_eq!((labels.len(), labels.iter().filter(|label| **label == 1).count()), (740, 383));
}
