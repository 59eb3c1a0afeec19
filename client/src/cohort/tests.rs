use murmur_round::plan::WeightDecay;

use super::*;

fn examples(count: usize, [channels, height, width]: [usize; 3], classes: u32, salt: usize) -> Examples {
    let size = channels * height * width;
    let input = |at: usize| ((at * 7 + salt * 13 + at / size) % 31) as f32 / 31.0 - 0.4;
    let labels = (0..count as u32).map(|example| (example + salt as u32) % classes).collect();
    Examples::new([channels, height, width], (0..count * size).map(input).collect(), labels).unwrap()
}

fn models() -> [ModelSpec; 3] {
    [
        ModelSpec::linear([1, 6, 5], 3),
        ModelSpec::mlp([1, 6, 5], vec![8, 6], 3),
        // The second pooling drops a row and a column.
        ModelSpec::Cnn { input: [2, 12, 14], channels: vec![4, 3], hidden: vec![5], classes: 3 },
    ]
}

/// The two differ by rounding: sums of some hundred products, each of about 1e-7 of its size.
fn expect_near(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let length = expected.iter().map(|value| value * value).sum::<f32>().sqrt();
    let apart = found.iter().zip(expected).map(|(found, expected)| (found - expected).powi(2)).sum::<f32>().sqrt();
    assert!(apart <= 2e-5 * length, "{what}: {apart} apart, {length} long");
}

fn plan(batch_size: u32, epochs: u32) -> LocalPlan {
    LocalPlan::plain(epochs, batch_size, 0.1)
}

fn trained_as_alone(plan: &LocalPlan) {
    for model in models() {
        let name = format!("{} {plan:?}", model.kind());
        let (input, global) = (model.input().unwrap(), model.initial());
        // Of unequal size, and one without any.
        let data: Vec<Examples> =
            [7, 0, 1, 12, 5].iter().enumerate().map(|(salt, count)| examples(*count, input, 3, salt)).collect();
        let devices: Vec<(&Examples, ShuffleSeed)> =
            data.iter().zip(0..).map(|(examples, seed)| (examples, ShuffleSeed([seed; 32]))).collect();
        let mut alone = BurnTrainer::new(&model).unwrap();
        let mut together = CohortTrainer::new(&model, Accelerator::Processor).unwrap();
        let deltas = together.differences(&global, plan, &devices).unwrap();
        assert_eq!(deltas.len(), devices.len());
        for (number, (delta, (examples, seed))) in deltas.iter().zip(&devices).enumerate() {
            let expected = alone.difference(&global, plan, examples, *seed).unwrap();
            assert_eq!(
                expected.iter().all(|value| *value == 0.0),
                number == 1,
                "{name}: only who has no examples stays"
            );
            expect_near(delta, &expected, &format!("{name}, device {number}"));
        }
        let one = together.differences(&global, plan, &devices[3..4]).unwrap();
        expect_near(&one[0], &deltas[3], &name);
    }
}

#[test]
fn each_device_is_trained_as_it_is_alone() {
    trained_as_alone(&plan(4, 2));
}

#[test]
fn what_pulls_beside_examples_pulls_at_those_who_are_not_done() {
    let decay = WeightDecay { rate: 0.05, rounds: None };
    trained_as_alone(&LocalPlan { proximal: Some(0.4), weight_decay: Some(decay), ..plan(5, 3) });
}

#[test]
fn what_cannot_be_trained_is_refused_before_anything_is() {
    let gru = ModelSpec::Gru { vocabulary: "ab".to_owned(), embedding: 2, hidden: 2, sequence: 3 };
    let refused = |model: &ModelSpec, accelerator| CohortTrainer::new(model, accelerator).err().unwrap();
    let error = refused(&gru, Accelerator::Processor);
    assert_eq!(error, AcceleratorError::Kind { kind: "gru" }.into());
    let [linear, ..] = models();
    if !cfg!(feature = "cuda") {
        assert_eq!(refused(&linear, Accelerator::Cuda), AcceleratorError::NotBuilt { name: Accelerator::Cuda }.into());
    }
    let mut trainer = CohortTrainer::new(&linear, Accelerator::Processor).unwrap();
    let (fits, other) = (examples(2, [1, 6, 5], 3, 0), examples(2, [1, 5, 5], 3, 0));
    let devices = [(&fits, ShuffleSeed([0; 32])), (&other, ShuffleSeed([0; 32]))];
    let error = trainer.differences(&linear.initial(), &plan(4, 1), &devices).unwrap_err();
    assert!(matches!(error, TrainError::Examples(_)), "{error}");
}

#[test]
fn an_accelerator_is_known_by_its_name() {
    for accelerator in [Accelerator::Processor, Accelerator::Wgpu, Accelerator::Cuda] {
        assert_eq!(accelerator.to_string().parse(), Ok(accelerator));
    }
    let error = "tpu".parse::<Accelerator>().unwrap_err();
    assert_eq!(error.to_string(), "there is no accelerator \"tpu\": name wgpu or cuda");
}
