use std::{f64::consts::TAU, fs, io::Cursor};

use flate2::{Compression, write::GzEncoder};
use hound::{SampleFormat, WavSpec, WavWriter};
use tempfile::TempDir;

use super::*;

/// A WAV file of this form, every sample of each channel from `sound` at its time in seconds.
fn wave(spec: WavSpec, seconds: f64, sound: impl Fn(f64, u16) -> f64) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
    let loudest = 2.0_f64.powi(i32::from(spec.bits_per_sample) - 1) - 1.0;
    for at in 0..(seconds * f64::from(spec.sample_rate)) as usize {
        for channel in 0..spec.channels {
            let sample = sound(at as f64 / f64::from(spec.sample_rate), channel);
            match spec.sample_format {
                SampleFormat::Float => writer.write_sample(sample as f32).unwrap(),
                SampleFormat::Int => writer.write_sample((sample * loudest).round() as i32).unwrap(),
            }
        }
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

const PLAIN: WavSpec =
    WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format: SampleFormat::Int };

fn tone(pitch: f64) -> Vec<u8> {
    wave(PLAIN, 0.3, |time, _| 0.5 * (TAU * pitch * time).sin())
}

fn picture_of(bytes: &[u8]) -> Vec<f32> {
    MelPicture::new(None, None).unwrap().of(&wave::read(bytes).unwrap()).unwrap()
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, *bytes).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

fn audio(keys: &str) -> Audio {
    #[derive(Deserialize)]
    struct Keys(Audio);
    let Keys(audio) = serde_json::from_str(keys).unwrap();
    audio
}

const INDEX: &str =
    r#"{"index": {"file": "index.csv", "clip": "path", "label": "said", "user": "who", "split": "split"}}"#;
const NAMED: &str = r#"{"name": "{split}/{label}_{user}_{take}.wav"}"#;

fn names(users: Option<&[User]>) -> Vec<(&str, std::ops::Range<usize>)> {
    users.unwrap().iter().map(|user| (user.name.as_str(), user.indices.clone())).collect()
}

#[test]
fn a_tone_shows_at_its_pitch_all_along() {
    let picture = picture_of(&tone(1_000.0));
    let brightest = |frame: usize| {
        let column = (0..26).map(|band| picture[band * 20 + frame]).enumerate();
        column.max_by(|(_, one), (_, other)| one.total_cmp(other)).unwrap().0
    };
    // 60 Hz is 91.7 mel, 4,000 Hz is 2,146.1; 1,000 Hz is 1,000.0: (1,000.0 - 91.7) / 2,054.4 * 27 = 11.94 steps, so the twelfth band.
    assert!((0..20).all(|frame| brightest(frame) == 11), "{:?}", (0..20).map(brightest).collect::<Vec<_>>());
    let mean = picture.iter().sum::<f32>() / 520.0;
    let square = picture.iter().map(|value| value * value).sum::<f32>() / 520.0;
    assert!(mean.abs() < 1e-5 && (square - 1.0).abs() < 1e-4, "{mean} {square}");
}

#[test]
fn a_picture_does_not_depend_on_loudness_rate_form_or_channels() {
    // Two pitches and a fade: something that could go wrong.
    let sound = |time: f64| (1.0 - time) * (0.3 * (TAU * 500.0 * time).sin() + 0.2 * (TAU * 1_800.0 * time).sin());
    let plain = picture_of(&wave(PLAIN, 0.5, |time, _| sound(time)));
    let furthest = |other: &[f32]| plain.iter().zip(other).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max);
    let float = WavSpec { bits_per_sample: 32, sample_format: SampleFormat::Float, ..PLAIN };
    assert!(furthest(&picture_of(&wave(float, 0.5, |time, _| 0.1 * sound(time)))) < 0.05);
    let stereo = WavSpec { channels: 2, ..float };
    // What only one side of the middle hears cancels out.
    let sides = |time: f64, channel: u16| sound(time) + if channel == 0 { 0.3 } else { -0.3 };
    assert!(furthest(&picture_of(&wave(stereo, 0.5, sides))) < 0.05);
    let wide = WavSpec { bits_per_sample: 24, ..PLAIN };
    assert!(furthest(&picture_of(&wave(wide, 0.5, |time, _| sound(time)))) < 0.05);
    // Eight bits are noisy: their error is about 50 dB below the sound, which only the quiet bands show.
    let eight = picture_of(&wave(WavSpec { bits_per_sample: 8, ..PLAIN }, 0.5, |time, _| sound(time)));
    let bright = plain.iter().zip(&eight).filter(|(value, _)| **value > 1.0);
    assert!(bright.clone().count() > 20 && bright.clone().all(|(one, other)| (one - other).abs() < 0.5));
    // Twice the rate, the same sound: windows lie a little differently.
    let twice = picture_of(&wave(WavSpec { sample_rate: 16_000, ..float }, 0.5, |time, _| sound(time)));
    let bright = plain.iter().zip(&twice).filter(|(value, _)| **value > 1.0);
    assert!(bright.clone().all(|(one, other)| (one - other).abs() < 0.3));
}

#[test]
fn long_short_and_silent_clips_have_pictures_of_one_size() {
    let rising =
        |seconds: f64| picture_of(&wave(PLAIN, seconds, |time, _| (TAU * (600.0 * time / seconds).sin()).sin()));
    assert_eq!((rising(0.01).len(), rising(2.0).len()), (520, 520));
    assert!(rising(0.01).iter().all(|value| value.is_finite()));
    assert_eq!(picture_of(&wave(PLAIN, 0.2, |_, _| 0.0)), [0.0; 520]);
    // A click shows wherever in a long clip it is: no sound falls between two windows.
    for at in [0.02, 0.5, 0.777, 1.2, 1.95] {
        let click = |time: f64, _| if (time - at).abs() < 1e-4 { 0.9 } else { 0.0 };
        assert!(picture_of(&wave(PLAIN, 2.0, click)).iter().any(|value| *value > 1.0), "{at}");
    }
    let small = MelPicture::new(Some(4), Some(2)).unwrap();
    assert_eq!(small.shape(), [1, 4, 2]);
    for (bands, frames) in [(0, 20), (257, 20), (26, 1), (26, 300)] {
        assert!(MelPicture::new(Some(bands), Some(frames)).is_err());
    }
}

#[test]
fn an_index_says_whose_clips_of_an_archive_or_a_folder_are() {
    let (low, high) = (tone(300.0), tone(2_000.0));
    let index = "who,path,said,split,more\nbo,c/3.wav,1,train,x\nal,./c/1.wav,0,train,x\nbo,c/2.wav,0,test,x\nal,c/4.wav,1,train,x\n";
    let files: Vec<(&str, &[u8])> =
        vec![("./c/1.wav", &low), ("c/2.wav", &low), ("c/3.wav", &high), ("c/4.wav", &high), ("c/note.txt", b"no")];
    let packed = archive(&files);
    let mut unpacked = files.iter().map(|(name, bytes)| (format!("all/{name}"), *bytes)).collect::<Vec<_>>();
    unpacked.push(("index.csv".to_owned(), index.as_bytes()));
    unpacked.push(("all.tar.gz".to_owned(), &packed));
    let lent: Vec<(&str, &[u8])> = unpacked.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    let folder = folder(&lent);
    let of = |name: &str, audio: &Audio| load_audio(audio, &folder.path().join(name)).unwrap();
    let packed = of("all.tar.gz", &audio(INDEX));
    assert_eq!(names(packed.users()), [("bo", 0..1), ("al", 1..3)]);
    assert_eq!((packed.train().labels(), packed.train().shape()), (&[1, 0, 1][..], [1, 26, 20]));
    assert_eq!(packed.train().input(1), picture_of(&low), "each clip has its own picture");
    assert_eq!(
        (packed.test().unwrap().labels(), names(packed.test_users())),
        (&[0][..], vec![("bo", 0..1), ("al", 1..1)])
    );
    let unpacked = of("all", &audio(INDEX));
    assert_eq!(unpacked.train(), packed.train());
    let word = Audio { word: Some("0".to_owned()), bands: Some(13), ..audio(INDEX) };
    assert_eq!((of("all", &word).train().labels(), of("all", &word).train().shape()), (&[0, 1, 0][..], [1, 13, 20]));
    let turned = Audio { labels: vec!["1".to_owned(), "0".to_owned()], ..audio(INDEX) };
    assert_eq!(of("all", &turned).train().labels(), [0, 1, 0]);
}

#[test]
fn names_say_whose_clips_are() {
    let clip = tone(440.0);
    let files: [(&str, &[u8]); 4] = [
        ("train/yes_al_0.wav", &clip),
        ("train/no_bo_1.WAV", b"renamed below"),
        ("test/yes_al_b_2.wav", &clip),
        ("train/readme.txt", b"no clip"),
    ];
    let folder = folder(&files);
    let listed = Audio { labels: vec!["no".to_owned(), "yes".to_owned()], ..audio(NAMED) };
    let fails = |audio: &Audio| load_audio(audio, folder.path()).unwrap_err().to_string();
    assert!(fails(&listed).contains("train/no_bo_1.WAV: not called"), "{}", fails(&listed));
    fs::rename(folder.path().join("train/no_bo_1.WAV"), folder.path().join("train/no_bo_1.wav")).unwrap();
    assert!(fails(&listed).contains("train/no_bo_1.wav: not a WAV file"), "{}", fails(&listed));
    fs::write(folder.path().join("train/no_bo_1.wav"), &clip).unwrap();
    let dataset = load_audio(&listed, folder.path()).unwrap();
    // By their names, so test before train; each brace holds as little as it can.
    assert_eq!(names(dataset.users()), [("al", 0..1), ("bo", 1..2)]);
    assert_eq!((dataset.train().labels(), dataset.test().unwrap().labels()), (&[1, 0][..], &[1][..]));
    assert!(fails(&audio(NAMED)).contains("no class number: write labels or word"));
    let one = Audio { labels: vec!["no".to_owned(), "maybe".to_owned()], ..audio(NAMED) };
    assert!(fails(&one).contains("test/yes_al_b_2.wav: the label \"yes\" is none of labels"));
    for name in ["{label}.wav", "{label}{user}.wav", "{label}_{user", "{user}_{label}_{user}", "{split}{label}_{user}"]
    {
        assert!(fails(&Audio { name: Some(name.to_owned()), ..audio(NAMED) }).contains("name must hold"), "{name}");
    }
    assert!(fails(&Audio { name: None, ..audio(NAMED) }).contains("write one of the two"));
    let split = Audio { name: Some("{x}/{label}_{split}_{user}.wav".to_owned()), ..listed };
    assert!(fails(&split).contains("neither train nor test"));
}

#[test]
fn a_broken_index_is_named_by_file_and_fault() {
    let clip = tone(440.0);
    let fails = |index: &str| {
        let folder = folder(&[("c/1.wav", &clip), ("index.csv", index.as_bytes())]);
        load_audio(&audio(INDEX), &folder.path().join("c")).unwrap_err().to_string()
    };
    for (index, named) in [
        ("path,said,who\n", "there is no column \"split\", which index.split names"),
        ("path,said,who,split\n", "no clip is here"),
        ("path,said,who,split\n1.wav,0,al\n", "line: 2"),
        ("path,said,who,split\n1.wav,0,a l,train\n", "1.wav: the user \"a l\""),
        ("path,said,who,split\n1.wav,x,al,train\n", "1.wav: the label \"x\""),
        ("path,said,who,split\n1.wav,0,al,dev\n", "\"dev\" is neither train nor test"),
        ("path,said,who,split\n1.wav,0,al,train\n1.wav,0,al,train\n", "the index names 1.wav twice"),
        ("path,said,who,split\n../1.wav,0,al,train\n", "../1.wav: the path of a clip"),
        ("path,said,who,split\n/etc/passwd,0,al,train\n", "stays in it"),
        ("path,said,who,split\n2.wav,0,al,train\n", "2.wav is not there"),
    ] {
        let error = fails(index);
        assert!(
            error.contains(named) && error.contains(if named.contains("2.wav") { "/c: " } else { "index.csv" }),
            "{error}"
        );
    }
}

#[test]
fn hostile_clips_and_archives_are_refused_and_named() {
    let clip = tone(440.0);
    let of_archive = |bytes: &[u8]| {
        let folder = folder(&[("clips.tar.gz", bytes)]);
        load_audio(&audio(r#"{"name": "{label}_{user}.wav"}"#), &folder.path().join("clips.tar.gz"))
            .unwrap_err()
            .to_string()
    };
    let of_clip = |bytes: &[u8]| of_archive(&archive(&[("0_al.wav", bytes)]));
    let altered = |at: usize, with: &[u8]| {
        let mut bytes = clip.clone();
        bytes[at..at + with.len()].copy_from_slice(with);
        bytes
    };
    for (bytes, named) in [
        (b"RIFF".to_vec(), "0_al.wav: not a WAV file"),
        (clip[..clip.len() - 3].to_vec(), "not a WAV file"),
        // The header declares four billion bytes of sound, and that is not believed.
        (altered(40, &[0xfe, 0xff, 0xff, 0xff]), "longer than 60 s"),
        (wave(WavSpec { sample_rate: 4_000, ..PLAIN }, 0.1, |_, _| 0.0), "4000 samples a second"),
        (altered(24, &4_000_u32.to_le_bytes()), "not a WAV file"),
        (wave(WavSpec { channels: 3, ..PLAIN }, 0.1, |_, _| 0.0), "3 channels"),
        (wave(PLAIN, 0.0, |_, _| 0.0), "has no samples"),
        (
            wave(WavSpec { bits_per_sample: 32, sample_format: SampleFormat::Float, ..PLAIN }, 0.1, |_, _| f64::NAN),
            "no finite number",
        ),
        (vec![0; (1 << 24) + 1], "more than 16777216 bytes"),
    ] {
        let error = of_clip(&bytes);
        assert!(error.contains(named) && error.contains("clips.tar.gz: 0_al.wav: "), "{error}");
    }
    assert!(of_archive(b"no archive at all, whatever it is called").contains("not a tar archive"));
    let whole = archive(&[("0_al.wav", &clip)]);
    let broken = of_archive(&whole[..whole.len() / 2]);
    assert!(broken.contains("not a tar archive that can be read to its end"), "{broken}");
    assert!(of_archive(&archive(&[("readme", b"x")])).contains("no clip is here"));
    let long = format!("{}_al.wav", "0".repeat(180));
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(clip.len() as u64);
    builder.append_data(&mut header, &long, clip.as_slice()).unwrap();
    assert!(of_archive(&builder.into_inner().unwrap()).contains("a name of more than 100 characters"));
    // A header that declares more than any archive may hold is refused before anything of it is read.
    let mut header = tar::Header::new_ustar();
    header.set_path("big").unwrap();
    header.set_size(1 << 35);
    header.set_cksum();
    assert!(of_archive(header.as_bytes()).contains("bytes in the archive"));
}

#[test]
fn no_single_byte_of_a_header_makes_the_decoder_fail_in_another_way() {
    for spec in [PLAIN, WavSpec { bits_per_sample: 24, ..PLAIN }] {
        let clip = wave(spec, 0.002, |time, _| (TAU * 440.0 * time).sin());
        let mut heard = 0;
        for at in 0..clip.len() - 16 {
            for value in 0..=255 {
                let mut bytes = clip.clone();
                bytes[at] = value;
                let samples = wave::read(&bytes).map_or(0, |found| found.samples.len());
                assert!(samples <= bytes.len(), "byte {at} as {value}");
                heard += usize::from(samples > 0);
            }
        }
        assert!(heard > 1_000, "{heard}");
    }
}

#[test]
fn the_digits_load_as_their_readme_counts_them() {
    let Some(path) = crate::data::tests::shared("fsdd") else { return };
    let keys =
        r#"{"index": {"file": "index.csv", "clip": "path", "label": "digit", "user": "speaker", "split": "split"}}"#;
    let dataset = load_audio(&audio(keys), &path.join("fsdd_wav.tar.gz")).unwrap();
    assert_eq!((dataset.train().len(), dataset.test().unwrap().len()), (2_700, 300));
    assert!(names(dataset.users()).iter().all(|(_, indices)| indices.len() == 450));
    let seven =
        load_audio(&Audio { word: Some("7".to_owned()), ..audio(keys) }, &path.join("fsdd_wav.tar.gz")).unwrap();
    assert_eq!(seven.train().labels().iter().sum::<u32>(), 270);
}
