//! No round is open: availability is gathered until one may be expected to bring enough reports.

use super::{Finished, Forfeiting, MOMENT, Opening, Phase, answer_closed};
use crate::{
    coordinator::{Event, Outcome, TurnedAway, shared::Shared},
    time::Time,
};

pub(in crate::coordinator) struct Waiting;

/// What follows on waiting.
enum Next {
    Stay,
    Open(u32),
    GiveUpBlock,
    End(Outcome),
}

impl Waiting {
    pub(super) fn handle(self, shared: &mut Shared, now: Time, event: Event) -> Phase {
        match event {
            Event::CheckIn(device) => {
                let next = Self::next(shared, now);
                // The device is answered first: it need not wait for the write that it set off.
                let answer = match &next {
                    Next::Stay => shared.come_back(),
                    Next::Open(_) | Next::GiveUpBlock => MOMENT,
                    Next::End(_) => TurnedAway::Finished,
                };
                shared.turn_away(device, answer);
                self.follow(shared, next)
            }
            Event::Tick => self.advance(shared, now),
            other => {
                answer_closed(shared, other);
                Phase::Waiting(self)
            }
        }
    }

    /// Ends the task when its schedule, its budget or the driver says so; opens a round when enough devices are about;
    /// otherwise stays.
    pub(super) fn advance(self, shared: &mut Shared, now: Time) -> Phase {
        let next = Self::next(shared, now);
        self.follow(shared, next)
    }

    fn follow(self, shared: &mut Shared, next: Next) -> Phase {
        match next {
            Next::Stay => Phase::Waiting(self),
            Next::Open(round) => Opening::enter(shared, round),
            Next::GiveUpBlock => Forfeiting::enter(shared),
            Next::End(outcome) => Finished::enter(shared, outcome),
        }
    }

    /// The decision uses the ledger and public availability only, never an update.
    ///
    /// Rounds count once they are paid for: the reservation prices so many spends, and an abandoned round spent nothing, so
    /// the task still gets all of its rounds, under higher numbers. A coordinator that crashes in every round
    /// therefore never ends its task, but it spends nothing either.
    fn next(shared: &mut Shared, now: Time) -> Next {
        let account = match shared.ledger.account(&shared.schedule.hash()) {
            Ok(account) => account,
            Err(error) => return Next::End(Outcome::Failed(error.to_string())),
        };
        let spent = account.rounds_spent();
        if spent >= shared.schedule.task().rounds {
            return Next::End(Outcome::Completed);
        }
        if !account.affords_another() {
            return Next::End(Outcome::BudgetExhausted);
        }
        if shared.stop_after.is_some_and(|limit| spent >= limit) {
            return Next::End(Outcome::StoppedEarly);
        }
        if shared.block_is_lost(account) {
            return Next::GiveUpBlock;
        }
        let round = account.next_round();
        if shared.enough_available(now) { Next::Open(round) } else { Next::Stay }
    }
}
