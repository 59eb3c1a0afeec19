//! Blocks of rounds: whose secret is at hand, and who is assigned to the round that opens.

use murmur_privacy::ledger::TaskAccount;

use super::{Effect, shared::Shared};
use crate::participation::{BlockSecret, DamagedSecret, KeptSecret, Selection};

impl Shared {
    /// Takes up the secret that an earlier process kept, if it is that of the block to go on with. One of a block that is over
    /// is destroyed, as that process would have done.
    pub(super) fn restore_secret(&mut self, kept: Option<KeptSecret>) -> Result<(), DamagedSecret> {
        let Some(kept) = kept else { return Ok(()) };
        let restored = BlockSecret::restore(&self.schedule.hash(), &kept)?;
        if self.account().is_some_and(|account| account.block() == restored.block && account.affords_another()) {
            self.secret = Some(restored);
        } else {
            self.effects.push_back(Effect::Forget);
        }
        Ok(())
    }

    /// Whether a block was begun whose secret is gone: it cannot be gone on with, and must not be assigned anew.
    pub(super) fn block_is_lost(&self, account: &TaskAccount) -> bool {
        account.place() > 0 && !self.holds_secret_of(account.block())
    }

    /// Before the first round of a block opens: draws the block's secret and has it kept. A secret that is at hand already (the process
    /// before this one kept it and went no further) stays.
    pub(super) fn prepare_block(&mut self) {
        let Some(account) = self.account() else { return };
        let (block, place) = (account.block(), account.place());
        if account.block_rounds() == 1 || place > 0 || self.holds_secret_of(block) {
            return;
        }
        let drawn = BlockSecret { block, secret: self.entropy.secret() };
        self.effects.push_back(Effect::Keep(drawn.to_kept(&self.schedule.hash())));
        self.secret = Some(drawn);
    }

    /// The cohort of the round that was just opened; none where its block's secret is gone.
    pub(super) fn select(&mut self) -> Option<Selection> {
        let account = self.account()?;
        let (block, place, alone) = (account.block(), account.place(), account.block_rounds() == 1);
        let participation = self.schedule.task().participation;
        if alone {
            // The secret of a single round is dropped here: a crash abandons the round.
            let secret = self.entropy.secret();
            return Some(participation.select(&secret, 0, &self.enrolled));
        }
        let held = self.secret.as_ref().filter(|held| held.block == block)?;
        Some(participation.select(&held.secret, place, &self.enrolled))
    }

    /// After a spend: the secret of a block that is over is of no more use to anybody but an adversary.
    pub(super) fn forget_ended_block(&mut self) {
        let Some(account) = self.account() else { return };
        if self.secret.as_ref().is_some_and(|held| held.block != account.block()) {
            self.secret = None;
            self.effects.push_back(Effect::Forget);
        }
    }

    fn holds_secret_of(&self, block: u32) -> bool {
        self.secret.as_ref().is_some_and(|held| held.block == block)
    }

    fn account(&self) -> Option<&TaskAccount> {
        self.ledger.account(&self.schedule.hash()).ok()
    }
}
