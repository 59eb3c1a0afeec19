//! Steps that can be followed with a pencil.

use super::*;
use crate::params::{Layout, ParameterShape};

fn one(value: f32) -> Params {
    let shape = ParameterShape { name: "only".to_owned(), shape: vec![1] };
    Params::new(Layout::new(vec![shape]), vec![value]).unwrap()
}

/// The only parameter after each of these averages.
fn course(server: &Server, averages: &[f64]) -> Vec<f32> {
    server.validate().unwrap();
    let (mut state, mut params) = (server.initial_state(1), one(1.0));
    averages
        .iter()
        .map(|average| {
            server.step_by(&mut state, &mut params, &[*average]).unwrap();
            params.values()[0]
        })
        .collect()
}

fn assert_close(found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((f64::from(*found) - expected).abs() < 1e-6, "{found} is not {expected}");
    }
}

#[test]
fn yogi_moves_its_second_moment_by_the_square_and_never_by_the_difference() {
    let yogi = ServerOptimizer::Yogi { learning_rate: 1.0, beta1: 0.5, beta2: 0.75, tau: 0.5 };
    // second: 0.25, then 0.25 + 0.25 * 1 = 0.5 (below the square), then 0.5 - 0.25 * 0.25 = 0.4375 (above it).
    // first: 0.5, then 0.25 + 0.25 = 0.5 of averages 1 and 0.5.
    let first = 1.0 + 0.5 / (0.5_f64.sqrt() + 0.5);
    let second = first + 0.5 / (0.4375_f64.sqrt() + 0.5);
    assert_close(&course(&Server::of(yogi), &[1.0, 0.5]), &[first, second]);
    // At the square itself it stays.
    let still = ServerOptimizer::Yogi { learning_rate: 1.0, beta1: 0.0, beta2: 0.75, tau: 0.5 };
    assert_close(&course(&Server::of(still), &[0.5, -0.5]), &[1.5, 1.0]);
}

#[test]
fn adagrad_adds_squares_up_from_tau_squared() {
    let adagrad = ServerOptimizer::Adagrad { learning_rate: 2.0, beta1: 0.0, tau: 3.0 };
    // second: 9, 9 + 16 = 25, 25 + 144 = 169.
    assert_close(&course(&Server::of(adagrad), &[4.0, 12.0]), &[1.0 + 8.0 / 8.0, 2.0 + 24.0 / 16.0]);
}

#[test]
fn a_schedule_scales_the_step_and_leaves_the_moments() {
    let momentum = ServerOptimizer::Momentum { learning_rate: 1.0, momentum: 0.5 };
    let server =
        Server { schedule: Some(RateSchedule::Step { every: 1, factor: 0.5, warm_up: 0 }), ..Server::of(momentum) };
    // Velocities 1, 1.5, 1.75 at rates 1, 0.5, 0.25.
    assert_close(&course(&server, &[1.0, 1.0, 1.0]), &[2.0, 2.75, 3.1875]);
}

#[test]
fn averages_are_of_released_models_and_leave_the_model_alone() {
    let plain = Server::of(ServerOptimizer::FedAvg { learning_rate: 1.0 });
    // Models 2, 4, 8, 16.
    let averages = [1.0, 2.0, 4.0, 8.0];
    for (averaging, expected) in [
        (Averaging::Window { rounds: 3 }, [2.0, 3.0, 14.0 / 3.0, 28.0 / 3.0]),
        (Averaging::Ema { decay: 0.5 }, [2.0, 10.0 / 3.0, 42.0 / 7.0, 170.0 / 15.0]),
    ] {
        let server = Server { average: Some(averaging), ..plain };
        let (mut state, mut params) = (server.initial_state(1), one(1.0));
        assert_eq!(server.averaged(&state, &params), None);
        let mut found = Vec::new();
        for average in averages {
            server.step_by(&mut state, &mut params, &[average]).unwrap();
            found.push(server.averaged(&state, &params).unwrap().values()[0]);
        }
        assert_close(&found, &expected);
        assert_eq!(params.values(), [16.0]);
        assert_eq!(course(&server, &averages), course(&plain, &averages));
    }
    assert_eq!(plain.averaged(&plain.initial_state(1), &one(1.0)), None);
}

#[test]
fn a_section_is_written_as_before_and_its_mistakes_are_named() {
    let adam = r#"{"optimizer":"adam","learning_rate":0.5,"beta1":0.9,"beta2":0.99,"epsilon":0.001}"#;
    let server: Server = serde_json::from_str(adam).unwrap();
    assert_eq!(serde_json::to_string(&server).unwrap(), adam);
    for (text, named) in [
        ("optimizer = 'adam'\nlearning_rate = 1.0", "server.beta1 is missing"),
        ("optimizer = 'yogi'\nlearning_rate = 1.0\nbeta1 = 0.9\nbeta2 = 0.9", "server.tau is missing"),
        ("optimizer = 'fedavg'\nlearning_rate = 1.0\ntau = 1.0", "server.tau does not belong"),
        ("optimizer = 'sgd'\nlearning_rate = 1.0", "one of fedavg"),
        ("optimizer = 'fedavg'\nlearning_rate = 1.0\nmoment = 1.0", "moment"),
    ] {
        assert!(toml::from_str::<Server>(text).unwrap_err().to_string().contains(named), "{text}");
    }
    for (text, named) in [
        ("optimizer = 'adagrad'\nlearning_rate = 1.0\nbeta1 = 0.9\ntau = 0.0", "server.tau must be a positive number"),
        ("optimizer = 'yogi'\nlearning_rate = 1.0\nbeta1 = 0.9\nbeta2 = 1.0\ntau = 1.0", "server.beta2"),
        ("optimizer = 'fedavg'\nlearning_rate = 0.0", "server.learning_rate"),
        ("optimizer = 'fedavg'\nlearning_rate = 1.0\nbuffer = 10", "FedBuff"),
        ("optimizer = 'fedavg'\nlearning_rate = 1.0\naverage = { kind = 'ema', decay = 1.0 }", "server.average.decay"),
        (
            "optimizer = 'fedavg'\nlearning_rate = 1.0\naverage = { kind = 'window', rounds = 1 }",
            "server.average.rounds",
        ),
        (
            "optimizer = 'fedavg'\nlearning_rate = 1.0\nschedule = { kind = 'exponential', factor = 2.0 }",
            "server.schedule.factor",
        ),
    ] {
        let server: Server = toml::from_str(text).unwrap();
        assert!(server.validate().unwrap_err().to_string().contains(named), "{text}");
    }
}

#[test]
fn a_state_of_another_section_changes_nothing() {
    let plain = Server::of(ServerOptimizer::FedAvg { learning_rate: 1.0 });
    let averaging = Server { average: Some(Averaging::Ema { decay: 0.5 }), ..plain };
    let (mut state, mut params) = (plain.initial_state(1), one(1.0));
    let refused = averaging.step_by(&mut state, &mut params, &[1.0]);
    assert_eq!(refused, Err(StateMismatch { expected: 1, dimension: 1 }));
    assert_eq!((state, params), (plain.initial_state(1), one(1.0)));
}
