//! Devices and SGD steps per second on one core, for the workload that `performance.md` compares against.
//!
//! `cargo bench -p murmur-client`

use std::time::{Duration, Instant};

use murmur_client::{BurnTrainer, Examples, evaluate, strokes};
use murmur_round::{
    model::ModelSpec,
    plan::{LocalPlan, ShuffleSeed},
    trainer::Trainer,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const INPUT: [usize; 3] = [1, 28, 28];

/// How long each figure is measured.
const SPAN: Duration = Duration::from_secs(2);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let models = [
        ("linear", ModelSpec::linear(INPUT, 10)),
        ("mlp", ModelSpec::mlp(INPUT, vec![200], 10)),
        ("cnn", ModelSpec::Cnn { input: INPUT, channels: vec![32, 64], hidden: vec![128], classes: 10 }),
    ];
    let device = "bench".parse()?;
    for (name, model) in &models {
        for (size, count, batch_size) in [("small", 20, 10), ("big", 200, 20)] {
            let plan = LocalPlan::plain(1, batch_size, 0.05);
            let (devices, seconds) = measure(model, &plan, &strokes::writer(1, &device, count))?;
            let steps = devices * count as f64 / f64::from(batch_size);
            println!("{name:>6} {size:>5}: {:>8.0} devices/s {:>8.0} steps/s", devices / seconds, steps / seconds);
        }
    }
    let vocabulary: String = (' '..='~').collect();
    let gru = ModelSpec::Gru { vocabulary, embedding: 32, hidden: 128, sequence: 80 };
    let text = Examples::text(&"the quick brown fox jumps over the lazy dog ".repeat(30)[..1_280]);
    for batch_size in [4, 8, 16] {
        let (devices, seconds) = measure(&gru, &LocalPlan::plain(1, batch_size, 0.5), &text)?;
        println!("   gru, batch {batch_size:>2}: {:>8.0} characters/s", devices * text.len() as f64 / seconds);
    }
    let start = Instant::now();
    let mut read = 0.0;
    while start.elapsed() < SPAN {
        read += evaluate(&gru, &gru.initial(), &text)?.examples as f64;
    }
    println!("   gru, read alone: {:.0} characters/s", read / start.elapsed().as_secs_f64());
    let start = Instant::now();
    let mut images = 0.0;
    while start.elapsed() < SPAN {
        images += strokes::unseen(1, images as u64, 100).len() as f64;
    }
    println!("strokes: {:.0} images/s", images / start.elapsed().as_secs_f64());
    Ok(())
}

/// Trains one device after another; returns how many, and in how many seconds.
fn measure(model: &ModelSpec, plan: &LocalPlan, data: &Examples) -> Result<(f64, f64), Box<dyn std::error::Error>> {
    let (mut trainer, global) = (BurnTrainer::new(model)?, model.initial());
    trainer.train(&global, plan, data, ShuffleSeed([0; 32]))?;
    let (start, mut devices) = (Instant::now(), 0.0);
    while start.elapsed() < SPAN {
        trainer.train(&global, plan, data, ShuffleSeed([0; 32]))?;
        devices += 1.0;
    }
    Ok((devices, start.elapsed().as_secs_f64()))
}
