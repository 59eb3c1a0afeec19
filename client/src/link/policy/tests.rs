use super::*;

const TASK: &str = r#"
name = "strokes"
population = "writers"
rounds = 3
model = { kind = "linear", input = [1, 28, 28], classes = 10 }
plan = { epochs = 1, batch_size = 10, learning_rate = 0.1 }
participation = { kind = "fixed", cohort = 8, window_seconds = 3, minimum_reports = 1 }
privacy = { clip = 1.0, mechanism = "gaussian", epsilon = 4.0, delta = 1e-3, noise_multiplier = "calibrate" }
server = { optimizer = "fedavg", learning_rate = 1.0 }
"#;
const PRIVATE: &str = r#"mechanism = "gaussian", epsilon = 4.0, delta = 1e-3, noise_multiplier = "calibrate""#;

fn check(policy: &str, spent: f64, privacy: &str) -> Result<(), PolicyRefusal> {
    let policy: Policy = toml::from_str(policy).unwrap();
    let task = Task::from_toml(&TASK.replace(PRIVATE, privacy)).unwrap();
    policy.check(&task, Epsilon::new(spent).unwrap())
}

#[test]
fn a_task_is_refused_for_what_is_weaker_than_the_policy_and_for_nothing_else() {
    let none = r#"mechanism = "none""#;
    assert_eq!(check("", 1e9, none), Ok(()));
    assert_eq!(check("largest_epsilon = 4.0\nlargest_delta = 1e-3\nlifetime_epsilon = 4.0", 0.0, PRIVATE), Ok(()));
    assert!(matches!(check("largest_epsilon = 3.9", 0.0, PRIVATE), Err(PolicyRefusal::Epsilon { .. })));
    assert!(matches!(check("largest_epsilon = 1000.0", 0.0, none), Err(PolicyRefusal::Epsilon { .. })));
    assert!(matches!(check("largest_delta = 1e-4", 0.0, PRIVATE), Err(PolicyRefusal::Delta { .. })));
    assert!(matches!(check("largest_delta = 0.5", 0.0, none), Err(PolicyRefusal::Delta { .. })));
    assert_eq!(check("lifetime_epsilon = 9.0", 5.0, PRIVATE), Ok(()));
    assert!(matches!(check("lifetime_epsilon = 9.0", 5.1, PRIVATE), Err(PolicyRefusal::Lifetime { .. })));
    assert!(matches!(check("lifetime_epsilon = 9.0", 0.0, none), Err(PolicyRefusal::Lifetime { .. })));
    let open = format!("{none}, non_private_metrics = true");
    assert_eq!(check("refuse_open_metrics = true", 0.0, none), Ok(()));
    assert_eq!(check("refuse_open_metrics = true", 0.0, &open), Err(PolicyRefusal::OpenMetrics));
}

#[test]
fn a_command_says_when_the_device_may_ask() {
    let may_ask = |text: &str| toml::from_str::<Policy>(text).unwrap().may_ask();
    assert!(may_ask(""));
    assert!(may_ask(r#"only_when = ["true"]"#));
    assert!(!may_ask(r#"only_when = ["false"]"#));
    assert!(!may_ask(r#"only_when = ["/nonexistent/program"]"#));
    assert!(may_ask(r#"only_when = ["test", "1", "-lt", "2"]"#));
}

#[test]
fn a_file_that_is_no_policy_is_named_with_the_key_at_fault() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("policy.toml");
    assert!(Policy::read(&path).unwrap_err().to_string().contains("policy.toml: "));
    for (text, named) in [
        ("largest_epsilom = 1.0", "largest_epsilom"),
        ("largest_epsilon = -1.0", "largest_epsilon"),
        ("only_when = []", "no program"),
    ] {
        fs::write(&path, text).unwrap();
        let said = Policy::read(&path).unwrap_err().to_string();
        assert!(said.contains("policy.toml") && said.contains(named), "{said}");
    }
}
