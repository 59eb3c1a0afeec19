//! WAV files: how loud it is, sample by sample.

use std::io::Cursor;

use hound::{SampleFormat, WavReader, WavSpec};

use super::AudioError;

/// Rates at which speech is recorded: below, half of the pitches of a picture would be missing.
const RATES: std::ops::RangeInclusive<u32> = 8_000..=192_000;
/// No clip is longer, in seconds.
const SECONDS: u32 = 60;

/// What is heard in a clip.
pub(super) struct Heard {
    /// Samples a second.
    pub(super) rate: u32,
    /// From -1 to 1, where they are integers; at least one.
    pub(super) samples: Vec<f64>,
}

/// Decodes a file: integers of 8 to 32 bits or floats of 32; two channels are averaged.
pub(super) fn read(bytes: &[u8]) -> Result<Heard, AudioError> {
    let mut reader = WavReader::new(Cursor::new(bytes)).map_err(unreadable)?;
    let WavSpec { channels, sample_rate: rate, bits_per_sample, sample_format } = reader.spec();
    if !(1..=2).contains(&channels) {
        return Err(AudioError::Channels { channels });
    }
    if !RATES.contains(&rate) {
        return Err(AudioError::Rate { rate });
    }
    // Declared, and not believed: what is read is bounded by the bytes that are there.
    if reader.duration() > rate.saturating_mul(SECONDS) {
        return Err(AudioError::TooLong { seconds: SECONDS });
    }
    let interleaved: Vec<f64> = match sample_format {
        SampleFormat::Float => {
            let samples = reader.samples::<f32>().map(|sample| sample.map(f64::from));
            samples.collect::<Result<_, _>>().map_err(unreadable)?
        }
        SampleFormat::Int => {
            let scale = 0.5_f64.powi(i32::from(bits_per_sample.clamp(1, 32)) - 1);
            let samples = reader.samples::<i32>().map(|sample| sample.map(|sample| f64::from(sample) * scale));
            samples.collect::<Result<_, _>>().map_err(unreadable)?
        }
    };
    let each = usize::from(channels);
    let samples: Vec<f64> =
        interleaved.chunks_exact(each).map(|channels| channels.iter().sum::<f64>() / each as f64).collect();
    match samples.iter().all(|sample| sample.is_finite()) {
        _ if samples.is_empty() => Err(AudioError::Empty),
        true => Ok(Heard { rate, samples }),
        false => Err(AudioError::NotFinite),
    }
}

fn unreadable(error: hound::Error) -> AudioError {
    AudioError::Wave { what: error.to_string() }
}
