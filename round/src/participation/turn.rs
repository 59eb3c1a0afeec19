//! How often, and how soon again, one device takes part: one rule for the coordinator and for the device itself.

use std::num::NonZeroU32;

use murmur_privacy::correlated::Limits;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The rule of a task with correlated noise.
///
/// Rounds are known by their *position*: how many of the task were paid for, or given up, before. A position is paid for once,
/// whatever becomes of it, so a device that takes part again at the same position (its round was abandoned) takes part once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnRule {
    /// Most rounds of a block for one device, and the least distance between any two of its rounds.
    pub limits: Limits,
    /// Rounds of a block.
    pub block_rounds: NonZeroU32,
}

/// When a device took part last, and how often in that block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Position of its last round.
    pub position: u32,
    /// Its rounds in that block so far, the last one included.
    pub in_block: u32,
}

/// Why it is not a device's turn.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NotYourTurn {
    /// Before its last round.
    #[error("round position {position} lies before {last}, where the device took part last")]
    Back {
        /// Position offered.
        position: u32,
        /// Position of its last round.
        last: u32,
    },
    /// Less than the separation after its last round.
    #[error(
        "round position {position} is less than {separation} after {last}, where the device took part last: the task promises a \
         separation of {separation} rounds"
    )]
    TooSoon {
        /// Position offered.
        position: u32,
        /// Position of its last round.
        last: u32,
        /// Least distance.
        separation: u32,
    },
    /// As often as it may already.
    #[error("the device took part {most} times in this block of rounds, as often as the task promises at most")]
    TooOften {
        /// Most rounds of a block.
        most: u32,
    },
}

impl TurnRule {
    /// Whether a device that took part `last` may take part at `position`.
    ///
    /// # Errors
    /// [`NotYourTurn`].
    pub fn check(&self, last: Option<Turn>, position: u32) -> Result<(), NotYourTurn> {
        let Some(last) = last else { return Ok(()) };
        let Some(distance) = position.checked_sub(last.position) else {
            return Err(NotYourTurn::Back { position, last: last.position });
        };
        let (separation, most) = (self.limits.separation.get(), self.limits.participations.get());
        if distance == 0 {
            Ok(())
        } else if distance < separation {
            Err(NotYourTurn::TooSoon { position, last: last.position, separation })
        } else if self.same_block(last.position, position) && last.in_block >= most {
            Err(NotYourTurn::TooOften { most })
        } else {
            Ok(())
        }
    }

    /// The record of a device that took part `last` and now takes part at `position`. It never goes back.
    #[must_use]
    pub fn taken(&self, last: Option<Turn>, position: u32) -> Turn {
        match last {
            Some(last) if last.position >= position => last,
            Some(last) if self.same_block(last.position, position) => {
                Turn { position, in_block: last.in_block.saturating_add(1) }
            }
            _ => Turn { position, in_block: 1 },
        }
    }

    fn same_block(&self, one: u32, other: u32) -> bool {
        one / self.block_rounds == other / self.block_rounds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(participations: u32, separation: u32, block_rounds: u32) -> TurnRule {
        let [participations, separation, block_rounds] =
            [participations, separation, block_rounds].map(|n| NonZeroU32::new(n).unwrap());
        TurnRule { limits: Limits { participations, separation }, block_rounds }
    }

    /// Takes part whenever the rule lets it.
    fn greedy(rule: TurnRule, rounds: u32) -> Vec<u32> {
        let mut last = None;
        let mut taken = Vec::new();
        for position in 0..rounds {
            if rule.check(last, position).is_ok() {
                last = Some(rule.taken(last, position));
                taken.push(position);
            }
        }
        taken
    }

    #[test]
    fn a_device_takes_part_as_soon_and_as_often_as_it_may() {
        assert_eq!(greedy(rule(9, 3, 10), 10), [0, 3, 6, 9]);
        assert_eq!(greedy(rule(2, 3, 10), 20), [0, 3, 10, 13], "counts begin anew with a block");
        assert_eq!(greedy(rule(2, 1, 4), 8), [0, 1, 4, 5]);
        assert_eq!(greedy(rule(4, 3, 4), 12), [0, 3, 6, 9], "and distances do not");
    }

    #[test]
    fn the_same_position_counts_once_and_an_earlier_one_is_refused() {
        let rule = rule(2, 3, 10);
        let once = rule.taken(None, 4);
        assert_eq!(rule.check(Some(once), 4), Ok(()));
        assert_eq!(rule.taken(Some(once), 4), once);
        assert_eq!(rule.check(Some(once), 3), Err(NotYourTurn::Back { position: 3, last: 4 }));
        assert_eq!(rule.taken(Some(once), 3), once, "a record never goes back");
        assert_eq!(rule.check(Some(once), 6), Err(NotYourTurn::TooSoon { position: 6, last: 4, separation: 3 }));
        let twice = rule.taken(Some(once), 7);
        assert_eq!(rule.check(Some(twice), 7), Ok(()));
        assert_eq!(rule.check(Some(twice), 10), Ok(()));
        assert_eq!(rule.check(Some(twice), 9), Err(NotYourTurn::TooSoon { position: 9, last: 7, separation: 3 }));
        let early = rule.taken(Some(rule.taken(None, 0)), 3);
        assert_eq!(rule.check(Some(early), 8), Err(NotYourTurn::TooOften { most: 2 }));
    }
}
