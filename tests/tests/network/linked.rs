//! A device as an app has it: the real link, with its own retries, around a trainer that knows its answer.

use std::{convert::Infallible, fmt, sync::Arc};

use murmur_client::link::{Access, Course, take_part_with};
use murmur_privacy::Delta;
use murmur_round::{
    coordinator::Verdict,
    evaluation::EvaluationPlan,
    measure::LocalMetrics,
    params::Params,
    plan::{LocalPlan, ShuffleSeed},
    trainer::Trainer,
};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    instrument::WithSubscriber as _,
};
use tracing_subscriber::{
    layer::{Context, Layer, SubscriberExt as _},
    registry,
};

use crate::{
    task::{name, own_delta},
    wire::connected,
    world::Heard,
};

/// Whatever it is given, it has learnt its own unit vector.
struct Own;

impl Trainer for Own {
    type Data = usize;
    type Error = Infallible;

    fn train(&mut self, _: &Params, _: &LocalPlan, device: &usize, _: ShuffleSeed) -> Result<Delta, Infallible> {
        Ok(own_delta(*device))
    }

    fn measure(&mut self, _: &Params, _: &usize) -> Result<Option<LocalMetrics>, Infallible> {
        Ok(None)
    }

    fn evaluate(
        &mut self,
        _: &Params,
        _: &EvaluationPlan,
        device: &usize,
        _: ShuffleSeed,
    ) -> Result<Option<Vec<LocalMetrics>>, Infallible> {
        unreachable!("device {device}: no task here only measures")
    }
}

/// Takes part until it is told that the task is over.
pub(crate) async fn live(device: usize, heard: Heard) -> turmoil::Result {
    let address = "http://127.0.0.1:7878".parse()?;
    let access = Access::insecure_loopback(address, name(device).parse()?)?.connected_by(connected);
    let course = Course { patient: true, ..Course::default() };
    let part = take_part_with(access, |_| Ok(Own), Arc::new(device), course);
    Ok(part.with_subscriber(registry().with(Owner { device, heard })).await?)
}

/// Whoever reads the device's log, which is where the link says that an update counts.
struct Owner {
    device: usize,
    heard: Heard,
}

impl<S: Subscriber> Layer<S> for Owner {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        if let (Some(round), true) = (line.round, line.message == "update sent: accepted") {
            self.heard.tell(self.device, round, Verdict::Accepted);
        }
    }
}

#[derive(Default)]
struct Line {
    round: Option<u32>,
    message: String,
}

impl Visit for Line {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "round" {
            self.round = u32::try_from(value).ok();
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}
