use murmur_round::device_id::DeviceId;

use super::{CLASSES, SHAPE, glyphs, unseen, writer};

fn device(name: &str) -> DeviceId {
    name.parse().unwrap()
}

/// FNV-1a over the bits of a set of examples.
fn fingerprint(examples: &crate::data::Examples) -> u64 {
    let words = examples.inputs().iter().map(|value| value.to_bits()).chain(examples.labels().iter().copied());
    words.fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ u64::from(word)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn a_devices_digits_are_the_same_everywhere_and_always() {
    // From another process and another day: a change here changes every recorded run on strokes.
    assert_eq!(fingerprint(&writer(1, &device("phone-1"), 10)), 15650289359907842336);
    assert_eq!(fingerprint(&unseen(1, 0, 10)), 2680784224649318966);
}

#[test]
fn asking_for_more_only_appends() {
    let (few, many) = (writer(5, &device("a"), 3), writer(5, &device("a"), 9));
    assert_eq!(few, many.slice(0..3));
    assert!(writer(5, &device("a"), 0).is_empty());
}

#[test]
fn seed_device_and_namespace_all_matter() {
    let mine = writer(1, &device("1"), 5);
    assert_ne!(mine, writer(2, &device("1"), 5));
    assert_ne!(mine, writer(1, &device("2"), 5));
    // Even a device whose name spells an unseen writer's index is somebody else.
    let index = u64::from_le_bytes(*b"12345678");
    assert_ne!(writer(1, &device("12345678"), 5), unseen(1, index, 5));
}

#[test]
fn images_are_grey_and_hold_ink_on_paper() {
    let examples = unseen(3, 0, 50);
    assert_eq!(examples.shape(), SHAPE);
    for index in 0..examples.len() {
        let image = examples.input(index);
        assert!(image.iter().all(|&grey| (0.0..=1.0).contains(&grey) && (grey * 255.0).fract().abs() < 1e-3));
        let ink = image.iter().filter(|&&grey| grey > 0.5).count();
        assert!((8..400).contains(&ink), "image {index} has {ink} dark pixels");
    }
}

#[test]
fn a_writer_is_skewed_and_the_unseen_are_not() {
    let count = |examples: &crate::data::Examples| {
        let mut counts = [0; CLASSES];
        for &label in examples.labels() {
            counts[label as usize] += 1;
        }
        counts
    };
    // 1,000 even draws lie within 6 standard deviations (9.5 each) of 100.
    assert!(count(&unseen(1, 0, 1000)).iter().all(|&count| (43..158).contains(&count)));
    let mut uneven = 0;
    for index in 0..10 {
        let counts = count(&writer(1, &device(&format!("w{index}")), 200));
        uneven += usize::from(counts.iter().any(|&count| count > 40));
    }
    assert!(uneven >= 7, "only {uneven} of 10 writers prefer a digit");
}

#[test]
fn no_glyph_has_more_points_than_there_is_room_for() {
    for glyph in glyphs::DIGITS.iter().flat_map(|ways| ways.iter()) {
        assert!(glyph.iter().map(|stroke| stroke.points().len()).sum::<usize>() <= glyphs::MAX_POINTS);
    }
}
