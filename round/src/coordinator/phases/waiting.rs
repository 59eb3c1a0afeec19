//! No round is open: availability is gathered until one may be expected to bring enough reports.

use super::{Collecting, Finished, Phase, answer_closed};
use crate::{
    coordinator::{Event, Outcome, shared::Shared},
    time::Time,
};

pub(in crate::coordinator) struct Waiting;

impl Waiting {
    pub(super) fn handle(self, shared: &mut Shared, now: Time, event: Event) -> Phase {
        match event {
            Event::CheckIn(device) => {
                let next = self.advance(shared, now);
                match next {
                    Phase::Waiting(_) => {
                        shared.turn_away(device, shared.come_back());
                        next
                    }
                    open => open.handle(shared, now, Event::CheckIn(device)),
                }
            }
            Event::Tick => self.advance(shared, now),
            other => {
                answer_closed(shared, other);
                Phase::Waiting(self)
            }
        }
    }

    /// Ends the task when its schedule, its budget or the driver says so; opens a round when enough devices are about;
    /// otherwise stays. The decision uses the ledger and public availability only, never an update.
    pub(super) fn advance(self, shared: &mut Shared, now: Time) -> Phase {
        let account = match shared.ledger.account(&shared.schedule.hash()) {
            Ok(account) => account,
            Err(error) => return Finished::enter(shared, Outcome::Failed(error.to_string())),
        };
        let round = account.next_round();
        if round >= shared.schedule.task().rounds {
            return Finished::enter(shared, Outcome::Completed);
        }
        if !account.affords_another() {
            return Finished::enter(shared, Outcome::BudgetExhausted);
        }
        if shared.stop_after.is_some_and(|limit| round >= limit) {
            return Finished::enter(shared, Outcome::StoppedEarly);
        }
        if shared.enough_available(now) { Collecting::open(shared, now, round) } else { Phase::Waiting(self) }
    }
}
