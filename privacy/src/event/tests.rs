//! The written form of every event, for ever; and what cannot be written.

use super::*;

/// Every variant, literally. These lines are in ledgers: a line may be added, none is ever changed.
const WRITTEN: &[&str] = &[
    r#"{"event":"non_private"}"#,
    r#"{"event":"gaussian","sigma":2.5,"bound":1.0,"relation":"zero_out"}"#,
    r#"{"event":"gaussian","sigma":2.5,"bound":1.0,"relation":"replace_one"}"#,
    r#"{"event":"discrete_gaussian","sigma":20.0,"bound":10.0,"dimension":7,"relation":"zero_out"}"#,
    r#"{"event":"laplace","scale":2.0,"bound":0.5,"dimension":7,"relation":"replace_one"}"#,
    r#"{"event":"discrete_laplace","scale":4.0,"bound":3,"dimension":1,"relation":"zero_out"}"#,
    r#"{"event":"distributed_discrete_gaussian","sigma":3.5,"bound":100.0,"dimension":1024,"survivors":90,"relation":"zero_out"}"#,
    r#"{"event":"distributed_skellam","sigma":3.5,"bound":100.0,"dimension":1024,"survivors":90,"relation":"zero_out"}"#,
    r#"{"event":"tree_aggregation","sigma":8.0,"bound":1.0,"leaves":100,"trees":2,"relation":"zero_out"}"#,
    r#"{"event":"matrix_factorisation","strategy":{"kind":"toeplitz","coefficients":[1.0,0.5,0.375]},"rounds":8,"participations":2,"separation":3,"sigma":4.0,"bound":1.0,"relation":"zero_out"}"#,
    r#"{"event":"matrix_factorisation","strategy":{"kind":"buffered_toeplitz","buffers":[{"decay":0.9,"weight":0.3},{"decay":0.5,"weight":0.2}]},"rounds":8,"participations":2,"separation":3,"sigma":4.0,"bound":1.0,"relation":"zero_out"}"#,
    r#"{"event":"matrix_factorisation","strategy":{"kind":"lower_triangular","columns":[[1.0,-0.5],[1.0,0.25],[2.0]]},"rounds":3,"participations":2,"separation":1,"sigma":4.0,"bound":1.0,"relation":"zero_out"}"#,
    r#"{"event":"poisson_sampled","rate":0.1,"of":{"event":"gaussian","sigma":2.5,"bound":1.0,"relation":"zero_out"}}"#,
    r#"{"event":"truncated_poisson","population":1000,"rate":0.1,"cap":120,"of":{"event":"gaussian","sigma":2.5,"bound":1.0,"relation":"zero_out"}}"#,
    r#"{"event":"sampled_without_replacement","population":1000,"cohort":100,"of":{"event":"gaussian","sigma":2.5,"bound":1.0,"relation":"replace_one"}}"#,
    r#"{"event":"allocation","rounds":60,"selected":3,"of":{"event":"gaussian","sigma":2.5,"bound":1.0,"relation":"zero_out"}}"#,
    r#"{"event":"repeated","count":60,"of":{"event":"non_private"}}"#,
    r#"{"event":"composed","of":[{"event":"non_private"},{"event":"repeated","count":0,"of":{"event":"non_private"}}]}"#,
];

fn read(text: &str) -> Result<DpEvent, serde_json::Error> {
    serde_json::from_str(text)
}

#[test]
fn the_written_form_of_every_event_is_frozen() {
    assert_eq!(FORMAT_VERSION, 1);
    for line in WRITTEN {
        let event = read(line).unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), *line);
    }
    let kinds: std::collections::BTreeSet<&str> = WRITTEN.iter().map(|line| line.split('"').nth(3).unwrap()).collect();
    assert_eq!(kinds.len(), 15, "a line for every variant: {kinds:?}");
}

/// Each line with one thing wrong with it.
#[test]
fn events_that_cannot_be_are_not_read() {
    let wrong = [
        ("\"sigma\":2.5", "\"sigma\":0.0"),
        ("\"sigma\":2.5", "\"sigma\":-2.5"),
        ("\"sigma\":2.5", "\"sigma\":null"),
        ("\"sigma\":2.5", "\"sigma\":1e999"),
        ("\"bound\":1.0", "\"bound\":0.0"),
        ("\"bound\":3", "\"bound\":0"),
        ("\"bound\":3", "\"bound\":2.5"),
        ("\"scale\":4.0", "\"scale\":-1.0"),
        ("\"dimension\":7", "\"dimension\":0"),
        ("\"survivors\":90", "\"survivors\":0"),
        ("\"leaves\":100", "\"leaves\":0"),
        ("\"trees\":2", "\"trees\":0"),
        ("\"relation\":\"zero_out\"", "\"relation\":\"add_one\""),
        (",\"relation\":\"zero_out\"", ""),
        ("\"rate\":0.1", "\"rate\":0.0"),
        ("\"rate\":0.1", "\"rate\":1.5"),
        ("\"rate\":0.1", "\"rate\":-0.1"),
        ("\"cap\":120", "\"cap\":1001"),
        ("\"cap\":120", "\"cap\":0"),
        ("\"cohort\":100", "\"cohort\":1001"),
        ("\"population\":1000", "\"population\":0"),
        // A sample of fixed size is stated under replace-one only.
        (
            "\"cohort\":100,\"of\":{\"event\":\"gaussian\",\"sigma\":2.5,\"bound\":1.0,\"relation\":\"replace_one\"",
            "\"cohort\":100,\"of\":{\"event\":\"gaussian\",\"sigma\":2.5,\"bound\":1.0,\"relation\":\"zero_out\"",
        ),
        ("\"selected\":3", "\"selected\":61"),
        ("\"selected\":3", "\"selected\":0"),
        ("[1.0,0.5,0.375]", "[]"),
        ("[1.0,0.5,0.375]", "[0.0]"),
        ("[1.0,0.5,0.375]", "[1.0,0.5,0.625]"),
        ("[1.0,0.5,0.375]", "[1.0,0.5,-0.375]"),
        ("[1.0,0.5,0.375]", "[1,1,1,1,1,1,1,1,1]"),
        ("\"decay\":0.9", "\"decay\":1.0"),
        ("\"decay\":0.9", "\"decay\":0.0"),
        ("\"weight\":0.3", "\"weight\":-0.3"),
        ("\"weight\":0.3", "\"weight\":0.9"),
        ("[[1.0,-0.5],[1.0,0.25],[2.0]]", "[[1.0,-0.5],[1.0,0.25]]"),
        ("[[1.0,-0.5],[1.0,0.25],[2.0]]", "[[1.0,-0.5],[1.0,0.25],[2.0,1.0]]"),
        ("[[1.0,-0.5],[1.0,0.25],[2.0]]", "[[1.0,-0.5],[0.0,0.25],[2.0]]"),
        ("[[1.0,-0.5],[1.0,0.25],[2.0]]", "[[1.0,-0.5],[],[2.0]]"),
        ("\"participations\":2", "\"participations\":0"),
        ("\"separation\":3", "\"separation\":0"),
        ("\"rounds\":8,\"participations\"", "\"rounds\":2000000,\"participations\""),
        ("\"count\":60", "\"count\":-1"),
        ("\"sigma\":2.5", "\"noise_multiplier\":2.5"),
        ("\"sigma\":2.5", "\"sigma\":2.5,\"delta\":0.1"),
        ("\"population\":1000", "\"population\":1000,\"delta\":0.1"),
        ("\"rounds\":8", "\"rounds\":8,\"delta\":0.1"),
        ("\"coefficients\":[1.0", "\"delta\":0.1,\"coefficients\":[1.0"),
    ];
    for (right, replacement) in wrong {
        let touched: Vec<&&str> = WRITTEN.iter().filter(|line| line.contains(right)).collect();
        assert!(!touched.is_empty(), "no line has {right}");
        for line in touched {
            let line = line.replacen(right, replacement, 1);
            assert!(read(&line).is_err(), "{line}");
        }
    }
}

fn gaussian(relation: Relation) -> DpEvent {
    DpEvent::gaussian(Scale::new(1.0).unwrap(), Scale::new(1.0).unwrap(), relation)
}

#[test]
fn g11_relations_never_mix_at_any_depth() {
    let rate = SamplingRate::new(0.5).unwrap();
    let (zero_out, replace) = (gaussian(Relation::ZeroOut), gaussian(Relation::ReplaceOne));
    assert_eq!(zero_out.relation(), Ok(Some(Relation::ZeroOut)));
    assert_eq!(replace.clone().repeated(7).poisson_sampled(rate).relation(), Ok(Some(Relation::ReplaceOne)));
    assert_eq!(DpEvent::NonPrivate.relation(), Ok(None));
    assert_eq!(DpEvent::Composed { of: Vec::new() }.relation(), Ok(None));
    let beside = DpEvent::Composed { of: vec![DpEvent::NonPrivate, zero_out.clone(), replace.clone()] };
    let mixed = MixedRelations { first: Relation::ZeroOut, second: Relation::ReplaceOne };
    assert_eq!(beside.relation(), Err(mixed));
    let deep = DpEvent::Composed { of: vec![beside.repeated(0).poisson_sampled(rate).repeated(3)] };
    assert_eq!(deep.relation(), Err(mixed));
    let allocated = Allocation::new(NonZeroU32::MIN, NonZeroU32::MIN, zero_out).unwrap();
    let blocks = DpEvent::Composed { of: vec![replace, DpEvent::Allocation(allocated)] };
    assert_eq!(blocks.relation(), Err(MixedRelations { first: mixed.second, second: mixed.first }));
    assert!(mixed.to_string().contains("zero-out") && mixed.to_string().contains("replace one"));
}

#[test]
fn g11_every_written_event_states_its_relation() {
    for line in WRITTEN {
        let stated = ["zero_out", "replace_one"].map(|name| line.contains(name));
        let expected = match stated {
            [true, false] => Some(Relation::ZeroOut),
            [false, true] => Some(Relation::ReplaceOne),
            _ => None,
        };
        assert_eq!(read(line).unwrap().relation(), Ok(expected), "{line}");
    }
}

#[test]
fn the_mechanism_is_what_ran_on_the_sample() {
    for line in WRITTEN.iter().filter(|line| line.contains("\"of\":{\"event\":\"gaussian\"")) {
        assert!(matches!(read(line).unwrap().mechanism(), DpEvent::Gaussian { .. }), "{line}");
    }
}
