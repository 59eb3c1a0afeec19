//! Pictures of sound: how much energy there is at each pitch and each moment of a clip.

use realfft::{RealFftPlanner, num_complex::Complex};

use super::{AudioError, wave::Heard};

const BANDS: usize = 26;
const FRAMES: usize = 20;
/// No picture is wider or higher.
const LIMIT: usize = 256;
/// Lowest and highest pitch, in Hz: the same for every rate, the highest being half of the lowest rate.
const PITCHES: [f64; 2] = [60.0, 4_000.0];
/// Shortest window, in seconds: two periods of a low voice.
const WINDOW: f64 = 0.025;
/// Least distance between neighbours among the frequencies that are looked at, in Hz: the lowest bands are about twice as wide.
const RESOLUTION: f64 = 20.0;
/// What is so much weaker than the loudest spot of a clip does not count: 80 dB.
const FLOOR: f64 = 1e-8;

/// Draws pictures of one size.
pub(super) struct MelPicture {
    bands: usize,
    frames: usize,
    planner: RealFftPlanner<f64>,
}

impl MelPicture {
    /// So high and so wide.
    pub(super) fn new(bands: Option<usize>, frames: Option<usize>) -> Result<Self, AudioError> {
        let (bands, frames) = (bands.unwrap_or(BANDS), frames.unwrap_or(FRAMES));
        for (key, least, found) in [("bands", 1, bands), ("frames", 2, frames)] {
            if !(least..=LIMIT).contains(&found) {
                return Err(AudioError::Extent { key, least, found });
            }
        }
        Ok(Self { bands, frames, planner: RealFftPlanner::new() })
    }

    /// `[1, bands, frames]`.
    pub(super) fn shape(&self) -> [usize; 3] {
        [1, self.bands, self.frames]
    }

    /// The picture of a clip, `[bands, frames]` row-major, low pitches first, of mean 0 and standard deviation 1; 0 everywhere where nothing
    /// is heard.
    pub(super) fn of(&mut self, heard: &Heard) -> Result<Vec<f32>, AudioError> {
        let (rate, samples) = (f64::from(heard.rate), heard.samples.as_slice());
        let window = (2 * samples.len() / (self.frames + 1)).max((WINDOW * rate) as usize);
        let length = window.max((rate / RESOLUTION) as usize).next_power_of_two();
        let filters = filters(self.bands, rate, length);
        let hann: Vec<f64> =
            (0..window).map(|at| 0.5 - 0.5 * (std::f64::consts::TAU * at as f64 / window as f64).cos()).collect();
        let transform = self.planner.plan_fft_forward(length);
        let (mut sound, mut spectrum) = (transform.make_input_vec(), transform.make_output_vec());
        let mut energies = vec![0.0; self.bands * self.frames];
        // A clip shorter than a window is followed by silence.
        let room = samples.len().saturating_sub(window);
        for frame in 0..self.frames {
            let start = room * frame / (self.frames - 1);
            sound.fill(0.0);
            for ((into, sample), weight) in sound.iter_mut().zip(&samples[start..]).zip(&hann) {
                *into = sample * weight;
            }
            let transformed = transform.process(&mut sound, &mut spectrum);
            transformed.map_err(|error| AudioError::Wave { what: error.to_string() })?;
            for (band, filter) in filters.iter().enumerate() {
                energies[band * self.frames + frame] = filter.pass(&spectrum);
            }
        }
        Ok(standardised(&energies))
    }
}

/// A triangle over some frequencies of a spectrum.
struct Filter {
    first: usize,
    weights: Vec<f64>,
}

impl Filter {
    fn pass(&self, spectrum: &[Complex<f64>]) -> f64 {
        self.weights.iter().zip(&spectrum[self.first..]).map(|(weight, value)| weight * value.norm_sqr()).sum()
    }
}

/// Triangles whose corners lie evenly on the mel scale (2595 log10(1 + f / 700), O'Shaughnessy 1987), each over its two neighbours' peaks.
fn filters(bands: usize, rate: f64, length: usize) -> Vec<Filter> {
    let mel = |pitch: f64| 2595.0 * (1.0 + pitch / 700.0).log10();
    let pitch = |mel: f64| 700.0 * (10.0_f64.powf(mel / 2595.0) - 1.0);
    let [low, high] = PITCHES.map(mel);
    let corner = |index: usize| pitch(low + (high - low) * index as f64 / (bands + 1) as f64);
    let filter = |band: usize| {
        let [left, peak, right] = [0, 1, 2].map(|more| corner(band + more));
        let weight = |at: usize| {
            let pitch = at as f64 * rate / length as f64;
            ((pitch - left) / (peak - left)).min((right - pitch) / (right - peak)).max(0.0)
        };
        let first = (left * length as f64 / rate) as usize;
        let last = ((right * length as f64 / rate) as usize).min(length / 2);
        Filter { first, weights: (first..=last).map(weight).collect() }
    };
    (0..bands).map(filter).collect()
}

/// Logarithms above the floor, with mean 0 and standard deviation 1.
fn standardised(energies: &[f64]) -> Vec<f32> {
    let loudest = energies.iter().copied().fold(0.0, f64::max);
    if loudest <= 0.0 || !loudest.is_finite() {
        return vec![0.0; energies.len()];
    }
    let logarithms: Vec<f64> = energies.iter().map(|energy| (energy / loudest).max(FLOOR).ln()).collect();
    let count = logarithms.len() as f64;
    let mean = logarithms.iter().sum::<f64>() / count;
    let deviation = (logarithms.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
    let scale = if deviation > 1e-9 { 1.0 / deviation } else { 0.0 };
    logarithms.iter().map(|value| ((value - mean) * scale) as f32).collect()
}
