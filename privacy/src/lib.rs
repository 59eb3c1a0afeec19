//! The privacy argument of Murmur, on one page. Everything else in this crate is its small print.
//!
//! **Claim.** Let a population's ledger be opened with `(epsilon, delta)`. Then everything that the coordinator ever releases
//! about that population is `(epsilon, delta)`-differentially private for one *device*, with all its data and all its rounds,
//! under [`Relation::ZeroOut`]: whether a device contributed or contributed zero, everything else the same, changes no
//! outcome's probability by more than `e^epsilon`, but for delta. The adversary sees every release, ledger and report and may
//! be in league with other devices; it does not see the coordinator's memory: the coordinator is trusted with single updates.
//!
//! 1. **One device moves the sum by at most `S`.** An update, and what a device measured beside it, become integers on a [`Grid`], each
//!    part within a bound of its own, and the bounds' squares sum to at most `S^2`; of a device that only measures there is no update,
//!    and the measures' bounds alone do ([`Encoding::of_measures`]). This is checked in integers on the device
//!    ([`Encoding::encode`]) and again by the coordinator ([`Incoming::finish`], by which alone bytes from outside become an
//!    [`Upload`]). Floats decide nothing here. An absent device, or one whose
//!    delta is not finite, contributes zero. That a device's upload enters a round's sum once is kept by the coordinator
//!    (`murmur_round::coordinator`), as is that a device enrols in one population only.
//! 2. **The sum is exact.** [`Sum`] adds in `Z_{2^b}`: any order, any partition, the same bits. A wrap, which [`Grid::new`] is
//!    made to exclude, would be post-processing.
//! 3. **The noise is the continuous Gaussian's.** The sum `s` is an integer vector, so `s + round(g) = round(s + g)` for
//!    `g ~ N(0, sigma^2)`: the output is a function of the Gaussian mechanism's at sensitivity `S`. The rounded Gaussian is drawn
//!    exactly, as the quantile of a fraction with as many random digits as it takes ([`noise::RoundedGaussian`]), from ChaCha20
//!    keyed by the operating system, which makes the claim computational. Where nobody can be sampled, noise is correlated between
//!    the rounds of a block: the block's releases are together a function of one Gaussian mechanism, and its noise one of the
//!    block's secret, so that a restart draws none of it again ([`correlated`], where this is proven).
//! 4. **A round costs its [`DpEvent`].** The mechanism's event follows from the integers `sigma` and `S` that run. It is wrapped as
//!    Poisson-sampled only by a participation that includes each enrolled device by an independent secret coin and lets no
//!    device displace another (`murmur_round::participation`); otherwise it is charged whole. What a device sends may follow from whatever
//!    it keeps for itself, earlier secret coins included: a mixture of contributions within the bound costs no more than the worst of them
//!    (`murmur_round::personal`, where a task gives devices such memory). A block of correlated noise is charged
//!    for the most rounds, and the least distance between them, in which the coordinator lets one device take part.
//! 5. **Events become epsilon by theorems.** An [`Accountant`](accountant::Accountant) knows the theorem for an event or refuses it, and
//!    rounds toward more loss. A schedule is fixed when its task is created, so the smallest of several sound bounds prices it.
//! 6. **Spend first, release second.** [`Ledger::reserve`] sets a task's whole worst case aside; tasks, which people create
//!    adaptively and whose rounds interleave, add up by basic composition. [`Ledger::open_round`] takes a
//!    number before the round's cohort is drawn and never gives it again: a round that a crash or a shutdown interrupts is abandoned, so one
//!    number never stands for two cohorts. [`Ledger::spend`] makes an entry; [`Ledger::persisted`], called when the entry is durable, makes the only [`Receipt`]; [`Sum::release`] consumes sum and receipt and checks that the
//!    receipt paid for exactly this mechanism and this kind of entropy, and [`Sum::release_from`] also for exactly this place of this block
//!    of correlated noise. So a round is noised at most once, ever, and never before
//!    it was paid for, given a driver that keeps one chain for a population, confirms only what is durable, and hands a round's
//!    receipt to that round's sum.
//! 7. **Nothing else leaves.** [`Delta`], [`Bounded`], [`Incoming`] and [`Sum`] have no way to be read or printed, and an [`Upload`] can only be
//!    packed for the wire, where the network's transport protects it. An [`Average`], which is made from a [`Release`] alone, is
//!    all that a server optimiser accepts; models are post-processing of releases. (A simulation's sum can be read, by `Sum::reduce_by`, and
//!    added to from outside of its coordinator; the feature `seeded` alone compiles that, and with seeded noise nothing is promised anyway.) Denominators are constants of the task; under a sampled claim no count of a
//!    round leaves the coordinator either.
//!
//! **Beside it, on the device.** A device may randomise its update before anybody sees it, at a cost that it keeps in a ledger of its
//! own: another guarantee, of another party, that trusts nobody. See [`local`]; where a proof there is about real numbers and floats
//! are drawn, the guarantee says so.
//!
//! **What this does not say.** Nothing about a coordinator that is malicious or broken into; nothing about a person with several
//! devices; nothing about the time a sampler takes; nothing at all when the mechanism is [`Mechanism::None`] (epsilon is infinite)
//! or the noise is [`Provenance::Simulated`].
#![forbid(unsafe_code)]

pub mod accountant;
mod chain;
pub mod correlated;
pub mod digest;
pub mod encoding;
pub mod event;
mod exact;
pub mod grid;
pub mod ledger;
pub mod local;
pub mod mechanism;
pub mod noise;
mod packed;
mod ring;
mod rounding;
mod tradeoff;
pub mod units;
pub mod update;

pub use correlated::{Correlation, NoiseStream};
pub use digest::Digest;
pub use encoding::Encoding;
pub use event::{DpEvent, Relation};
pub use grid::Grid;
pub use ledger::{Ledger, Receipt};
pub use mechanism::Mechanism;
pub use noise::{NoiseRng, Provenance};
pub use tradeoff::{Posterior, TradeOff};
pub use update::{Average, Bounded, Delta, Incoming, Plain, Release, Seal, Sum, Upload};
