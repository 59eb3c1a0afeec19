//! What devices did arrives: at the coordinator, and in what they remember of themselves.

use murmur_privacy::local::ledger::LocalEntry;
use murmur_round::{
    coordinator::{Effect, Event, Verdict},
    params::Params,
    time::Time,
};

use super::{
    super::{
        answer::{Answer, Worked},
        clock::Phase,
        flights::Place,
        workers::Workers,
    },
    Fleet, unexpected,
};
use crate::SimError;

impl Fleet<'_> {
    pub(super) fn take_answer(&mut self, answer: Answer) -> Result<(), SimError> {
        let Answer { index, task, mut device, round, upload, added, open_metrics, charged, own } = answer;
        let (name, sent) = (device.id().clone(), upload.is_some());
        let event = match upload {
            Some(upload) => Event::Upload { device: name, round, upload, open_metrics },
            None => Event::Withdraw { device: name, round },
        };
        self.coordinator.handle(self.now, event);
        match self.answer()? {
            Effect::Answer { verdict, .. } => {
                self.cohort.count(sent, verdict);
                self.added += u64::from(added && verdict == Verdict::Accepted);
                // Who withdrew does not wait for an answer.
                if sent {
                    device.answered(self.now, verdict)?;
                }
                if !device.is_over(&task) {
                    self.come_back(index, device.wake());
                }
                self.remember(index, device, charged, own)
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Keeps what a device knows of itself until it is there again.
    fn remember(
        &mut self,
        index: u64,
        device: Worked,
        charged: Option<LocalEntry>,
        own: Option<Params>,
    ) -> Result<(), SimError> {
        if let (Some(layers), Some(own)) = (&mut self.own, own) {
            layers.keep(index, own);
        }
        if !device.turns().is_empty() {
            self.turns.insert(index, device.turns().clone());
        }
        match (&mut self.local, device) {
            (Some(budgets), Worked::Here(device)) => {
                if let Some(local) = device.into_local() {
                    budgets.put(index, local, charged);
                }
            }
            (Some(budgets), Worked::Elsewhere(device, _)) => {
                if let Some(local) = device.into_local() {
                    budgets.follow(index, local, charged)?;
                }
            }
            (None, _) => {}
        }
        Ok(())
    }

    pub(super) fn come_back(&mut self, index: u64, wake: Option<Time>) {
        if let Some(wake) = wake {
            // A device that answered comes back a moment later, not at once: its round may still be open.
            let wake = wake.max(Time(self.now.0 + 1));
            self.agenda.add((wake, index));
        }
    }

    /// A round is over: what is still on its way comes too late, whatever it is. A device whose own record it moves is let finish;
    /// the work of any other would change nothing.
    pub(super) fn retire(&mut self, workers: &Workers<'_>) -> Result<(), SimError> {
        let limited = self.coordinator.schedule().task().turn_rule().is_some();
        let recorded = self.local.is_some() || self.own.is_some() || limited;
        self.clock.turn_to(Phase::Training);
        for (Place { arrival, device }, answer) in self.flights.clear(recorded, workers)? {
            self.cohort.late += 1;
            if let Some(answer) = answer {
                let over = answer.device.is_over(&answer.task);
                self.remember(device, answer.device, answer.charged, answer.own)?;
                if over {
                    continue;
                }
            }
            self.agenda.add((Time(arrival.0 + 1), device));
        }
        Ok(())
    }
}
