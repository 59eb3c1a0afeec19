use std::fs;

use murmur_round::model::ModelSpec;
use tempfile::TempDir;

use super::*;
use crate::data::{Examples, load_folder};

fn written(examples: &Examples) -> String {
    examples.labels().iter().map(|label| char::from_u32(*label).unwrap()).collect()
}

fn loaded(lines: &str, text: &Text) -> Result<Dataset, DataError> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("texts.jsonl");
    fs::write(&path, lines).unwrap();
    load_text(text, &path)
}

fn described(train: f64, test: Option<f64>, least_texts: Option<usize>) -> Text {
    Text { path: None, user: "who".to_owned(), text: "what".to_owned(), least_texts, train, test }
}

const LINES: &str = r#"{"who": "a play/First Lord", "what": ["0123", "567"], "more": 1}

{"who": "bob", "what": "x"}
{"who": "a play/First Lord", "what": "9"}
"#;

#[test]
fn texts_are_joined_by_user_and_cut_once() {
    let dataset = loaded(LINES, &described(0.75, None, None)).unwrap();
    let users: Vec<_> =
        dataset.users().unwrap().iter().map(|user| (user.name.as_str(), user.indices.clone())).collect();
    assert_eq!(users, [("a_play.First_Lord", 0..7), ("bob", 7..7)]);
    assert_eq!(written(dataset.train()), "0123\n56");
    let test = dataset.test().unwrap();
    assert_eq!(written(test), "7\n9x");
    assert_eq!(dataset.test_users().unwrap()[1].indices, 3..4);
    // What a character follows: nothing at the beginning of a passage, the one before it elsewhere.
    assert_eq!(test.inputs(), [2.0, f32::from(b'7'), f32::from(b'\n'), 2.0]);
    assert!(test.is_text() && test.slice(0..2).is_text());

    let part = loaded(LINES, &described(0.4, Some(0.2), Some(2))).unwrap();
    assert_eq!((part.users().unwrap().len(), written(part.train())), (1, "0123".to_owned()));
    assert_eq!(written(part.test().unwrap()), "\n5");
    assert!(loaded(LINES, &described(1.0, None, None)).unwrap().test().is_none());
}

#[test]
fn text_is_for_models_that_read_and_numbers_are_not() {
    let gru = ModelSpec::Gru { vocabulary: "0123".to_owned(), embedding: 2, hidden: 2, sequence: 4 };
    let text = loaded(LINES, &described(0.75, None, None)).unwrap();
    assert!(text.check(&gru).is_ok(), "a character outside the vocabulary is something else");
    let linear = ModelSpec::linear([1, 1, 1], 200);
    assert!(text.check(&linear).unwrap_err().to_string().contains("the examples are text"));
    let numbers = Examples::new([1, 1, 1], vec![0.0], vec![0]).unwrap();
    let error = numbers.check(&gru).unwrap_err();
    assert!(error.to_string().contains("reads text"), "{error}");
    assert!(text.train().clone().append(&numbers).is_err());
}

#[test]
fn a_broken_line_is_named() {
    let fails = |lines: &str| loaded(lines, &described(0.8, None, None)).unwrap_err().to_string();
    assert!(fails("{\"who\": \"a\", \"what\": \"b\"}\n[]").contains("texts.jsonl: line 2 is not a JSON object"));
    assert!(fails("{\"what\": \"b\"}").contains("line 1 has no field \"who\""));
    assert!(fails("{\"who\": \"b\"}").contains("line 1 has no field \"what\""));
    assert!(fails("{\"who\": 1, \"what\": \"b\"}").contains("\"who\" is not a text"));
    assert!(fails("{\"who\": \"a\", \"what\": [1]}").contains("\"what\" is not a text or a list of texts"));
    assert!(fails("{\"who\": \"\", \"what\": \"b\"}").contains("1 to 64 characters"));
    assert!(fails("{\"who\": \"a\", \"what\": \"\\u0002\"}").contains("U+0002"));
    assert!(fails("{\"who\": \"a b\", \"what\": \"\"}\n{\"who\": \"a_b\", \"what\": \"\"}").contains("the device a_b"));
    assert!(fails("\n").contains("no user"));
    for shares in [(0.0, None), (0.8, Some(0.3)), (f64::NAN, None), (0.5, Some(-0.1))] {
        assert!(loaded(LINES, &described(shares.0, shares.1, None)).unwrap_err().to_string().contains("at most 1"));
    }
}

#[test]
fn a_folder_of_one_file_of_lines_loads_as_it_lies() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("b.jsonl"), "{\"user\": \"u\", \"text\": \"0123456789\"}").unwrap();
    fs::write(folder.path().join("sizes.csv"), "user\nu\n").unwrap();
    let dataset = load_folder(folder.path()).unwrap();
    assert_eq!((written(dataset.train()).as_str(), written(dataset.test().unwrap()).as_str()), ("01234567", "89"));
    fs::write(folder.path().join("a.jsonl"), "").unwrap();
    assert!(load_folder(folder.path()).unwrap_err().to_string().contains("a.jsonl and b.jsonl"));
    fs::remove_file(folder.path().join("b.jsonl")).unwrap();
    fs::write(folder.path().join("a.jsonl"), "{\"user\": \"u\", \"said\": \"\"}").unwrap();
    assert!(
        load_folder(folder.path()).unwrap_err().to_string().contains("none of the fields [\"text\", \"speeches\"]")
    );
}

#[test]
fn shakespeares_roles_load_as_their_readme_counts_them() {
    let Some(path) = crate::data::tests::shared("shakespeare") else { return };
    let all = load_folder(&path).unwrap();
    assert_eq!(all.users().unwrap().len(), 1_361);
    let two = Text {
        path: None,
        user: "user".to_owned(),
        text: "speeches".to_owned(),
        least_texts: Some(2),
        train: 0.8,
        test: None,
    };
    let dataset = load_text(&two, &path.join("moby_roles.jsonl.gz")).unwrap();
    assert_eq!((dataset.users().unwrap().len(), dataset.test().unwrap().len()), (1_131, 855_999));
    let helena = dataset.users().unwrap().iter().find(|user| user.name.as_str() == "alls_well_that_ends_well.HELENA");
    assert!(!helena.unwrap().indices.is_empty());
    let validation = Text { train: 0.64, test: Some(0.16), ..two };
    let validation = load_text(&validation, &path.join("moby_roles.jsonl.gz")).unwrap();
    // What is chosen by is training data: the test text begins after it, for everybody.
    for (user, held) in dataset.users().unwrap().iter().zip(validation.test_users().unwrap()) {
        assert!(validation.users().unwrap().len() == 1_131 && held.indices.len() <= user.indices.len());
    }
    let (seen, training) = (validation.train().len() + validation.test().unwrap().len(), dataset.train().len());
    assert!(seen <= training, "{seen} characters of {training}");
}
