//! Blocks of rounds: whose secret is at hand, who is assigned to the round that opens, and the noise that a block shares.

use std::collections::BTreeSet;

use murmur_privacy::{Mechanism, NoiseStream, Receipt, Release, Sum, ledger::TaskAccount};

use super::{Effect, shared::Shared};
use crate::{
    device_id::DeviceId,
    participation::{BlockSecret, DamagedSecret, KeptSecret, Participation, Selection},
};

impl Shared {
    /// Takes up the secret that an earlier process kept, if it is that of the block to go on with. One of a block that is over
    /// is destroyed, as that process would have done; so is one from which this program would derive other noise.
    pub(super) fn restore_secret(&mut self, kept: Option<KeptSecret>) -> Result<(), DamagedSecret> {
        let Some(kept) = kept else { return Ok(()) };
        let restored = BlockSecret::restore(&self.schedule.hash(), &kept)?;
        let usable = restored.same_noise && restored.secret.provenance() == self.entropy.provenance();
        let current =
            self.account().is_some_and(|account| account.block() == restored.block && account.affords_another());
        if current && (usable || !self.is_correlated()) {
            self.secret = Some(restored);
        } else {
            self.effects.push_back(Effect::Forget);
        }
        Ok(())
    }

    /// Whether a block was begun that cannot be gone on with, and must not be begun anew: its secret is gone, or it is not known who
    /// took part in it.
    pub(super) fn block_is_lost(&self, account: &TaskAccount) -> bool {
        let unknown = self.register.as_ref().is_some_and(|register| !register.is_complete_for(account.block()));
        account.place() > 0 && (unknown || !self.holds_secret_of(account.block()))
    }

    /// Before the first round of a block opens: draws the block's secret and has it kept. A secret that is at hand already (the process
    /// before this one kept it and went no further) stays.
    pub(super) fn prepare_block(&mut self) {
        let Some(account) = self.account() else { return };
        let (block, place) = (account.block(), account.place());
        let needless = account.block_rounds() == 1 && !self.is_correlated();
        if needless || place > 0 || self.holds_secret_of(block) {
            return;
        }
        let drawn = BlockSecret::drawn(block, self.entropy.secret());
        self.effects.push_back(Effect::Keep(drawn.to_kept(&self.schedule.hash())));
        self.secret = Some(drawn);
    }

    /// The cohort of the round that was just opened; none where its block's secret is gone.
    pub(super) fn select(&mut self) -> Option<Selection> {
        let account = self.account()?;
        let (block, place, alone) = (account.block(), account.place(), account.block_rounds() == 1);
        let participation = self.schedule.task().participation;
        if !alone && !self.holds_secret_of(block) {
            return None;
        }
        if let Participation::Allocation { .. } = participation
            && !alone
        {
            let held = self.secret.as_ref().filter(|held| held.block == block)?;
            return Some(participation.select(&held.secret, place, &self.enrolled));
        }
        // The secret of a single round is dropped here: a crash abandons the round.
        let secret = self.entropy.secret();
        Some(match &self.register {
            None => participation.select(&secret, 0, &self.enrolled),
            Some(register) => {
                let enrolled = self.enrolled.iter().enumerate();
                let may = enrolled.filter(|(place, _)| register.allows(*place)).map(|(_, device)| device.clone());
                participation.select(&secret, 0, &may.collect::<Vec<_>>())
            }
        })
    }

    /// Whether it may be this enrolled device's turn; always, where turns are not limited.
    pub(super) fn may_take_part(&self, device: &DeviceId) -> bool {
        let Some(register) = &self.register else { return true };
        self.place(device).is_some_and(|place| register.allows(place))
    }

    /// A round closed, and is about to be paid for: who was counted is recorded first.
    pub(super) fn record(&mut self, round: u32, counted: &BTreeSet<DeviceId>) {
        if let Some(register) = &mut self.register {
            self.effects.push_back(Effect::Record(register.record(round, counted)));
        }
    }

    /// A round was paid for, or the rest of a block given up.
    pub(super) fn move_register(&mut self) {
        if let Some(register) = &mut self.register {
            register.move_to(self.ledger.rounds_spent(&self.schedule.hash()), &self.enrolled);
            // Whose turn it is has changed.
            self.forget_who_is_about();
        }
    }

    /// Lets a sum out that was paid for. What is left of its block's secret is destroyed if the block is over.
    pub(super) fn release(&mut self, sum: Sum, receipt: Receipt) -> Result<Release, String> {
        let block = (receipt.task(), receipt.block());
        if self.is_correlated() && self.stream.as_ref().is_none_or(|stream| stream.block() != block) {
            let held = self.secret.as_ref().filter(|held| held.block == block.1);
            let held =
                held.ok_or_else(|| "the secret of the block is gone while a round of it is released".to_owned())?;
            let (mechanism, grid) = (self.schedule.mechanism(), self.schedule.grid());
            let stream = NoiseStream::new(mechanism, grid, block.0, block.1, &held.secret);
            self.stream = Some(stream.map_err(|error| error.to_string())?);
        }
        self.forget_ended_block();
        let release = match &mut self.stream {
            Some(stream) => sum.release_from(stream, receipt),
            None => sum.release_by(self.schedule.mechanism(), receipt, &mut self.entropy, self.threads),
        };
        if self.account().is_none_or(|account| account.block() != block.1) {
            self.stream = None;
        }
        release.map_err(|error| error.to_string())
    }

    /// After a spend: the secret of a block that is over is of no more use to anybody but an adversary.
    fn forget_ended_block(&mut self) {
        let Some(account) = self.account() else { return };
        if self.secret.as_ref().is_some_and(|held| held.block != account.block()) {
            self.secret = None;
            self.effects.push_back(Effect::Forget);
        }
    }

    fn is_correlated(&self) -> bool {
        matches!(self.schedule.mechanism(), Mechanism::Correlated { .. })
    }

    fn holds_secret_of(&self, block: u32) -> bool {
        self.secret.as_ref().is_some_and(|held| held.block == block)
    }

    fn account(&self) -> Option<TaskAccount> {
        self.ledger.account(&self.schedule.hash()).ok()
    }
}
