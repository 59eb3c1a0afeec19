use super::*;

const KINDS: [Measure; 4] = [Measure::Reports, Measure::Loss { bound: 4.0 }, Measure::Accuracy, Measure::WithinClip];

fn contribution(metrics: Option<LocalMetrics>, within: bool) -> [f64; 4] {
    KINDS.map(|kind| kind.of(metrics.as_ref(), within))
}

#[test]
fn contributions_are_centred_and_cut_off() {
    let metrics = |loss, accuracy| Some(LocalMetrics { loss, accuracy });
    assert_eq!(contribution(metrics(0.0, 0.0), true), [1.0, -1.0, -1.0, 1.0]);
    assert_eq!(contribution(metrics(1.0, 0.75), false), [1.0, -0.5, 0.5, -1.0]);
    assert_eq!(contribution(metrics(1e9, 1.0), true), [1.0, 1.0, 1.0, 1.0]);
    assert_eq!(contribution(None, false), [0.0, 0.0, 0.0, -1.0], "who has no examples only tells of its clip");
}

#[test]
fn sums_become_means_over_the_devices_that_reported() {
    let devices = [(0.5, 0.25), (1.5, 0.75), (2.5, 0.5)];
    let mut sums = [0.0; 4];
    for (loss, accuracy) in devices {
        let added = contribution(Some(LocalMetrics { loss, accuracy }), true);
        sums.iter_mut().zip(added).for_each(|(sum, value)| *sum += value);
    }
    let released = ReleasedMetrics::of_sums(sums[0], sums[1], sums[2], 4.0, true);
    assert_eq!(released, ReleasedMetrics { reports: 3.0, loss: 1.5, accuracy: 0.5, private: true });
    // With no reports, or a noised number of them below one, there is a number all the same, and it is in range.
    for (reports, noise) in [(0.0, 0.0), (-3.0, 50.0), (0.2, -50.0)] {
        let released = ReleasedMetrics::of_sums(reports, noise, -noise, 4.0, true);
        assert!((0.0..=4.0).contains(&released.loss) && (0.0..=1.0).contains(&released.accuracy), "{released:?}");
    }
}

#[test]
fn metrics_in_clear_are_plain_means_and_marked_as_such() {
    let mut open = OpenMetrics::default();
    assert_eq!(open.released(), None);
    for (loss, accuracy) in [(1.0, 0.5), (3.0, 0.25), (f64::NAN, 1.0)] {
        open.add(&LocalMetrics { loss, accuracy });
    }
    let expected = ReleasedMetrics { reports: 2.0, loss: 2.0, accuracy: 0.375, private: false };
    assert_eq!(open.released(), Some(expected));
}

#[test]
fn one_devices_metrics_are_not_shown() {
    assert_eq!(format!("{:?}", LocalMetrics { loss: 0.125, accuracy: 0.5 }), "LocalMetrics(..)");
}
