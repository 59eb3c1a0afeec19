//! Correlated noise (DP-FTRL): the noise of one round takes part of the noise of earlier rounds back, so that sums over rounds, which
//! is what a model is, carry less of it. It needs no sampling: what it rests on is how often one device takes part.
//!
//! # The mechanism
//! A *block* of `n` rounds has a secret. Round `t` has the exact integer sum `x_t`, in `d` coordinates, to which one device contributes
//! a vector of norm at most `S`, in at most `k` rounds of the block and in no two that are less than `b` apart ([`Limits`]). A release
//! is `o_t = x_t + n_t`, where the integer vector `n_t` is a function of the secret and of `t` alone ([`NoiseStream`]).
//!
//! **Toeplitz strategies** ([`Banded`]). `C` is lower-triangular with `c_0 = 1` and all `c_j` multiples of `2^-16`. For exact Gaussian
//! `z_t ~ N(0, sigma^2 I)`, let `z'_t` be `z_t` rounded to multiples of `2^-16` (the rounded Gaussian of deviation `2^16 sigma`,
//! over `2^16`), and, in exact arithmetic, `n_t = floor(z'_t - sum over j >= 1 of c_j n_(t-j) + 1/2)`.
//!
//! *Proposition 1.* `o_t` is a function of `g_0, ..., g_t`, where `g_t = (C x)_t + z_t`. Proof. `C x` is a multiple of `2^-16`, so
//! rounding `g_t` to such multiples gives `(C x)_t + z'_t`. By induction the earlier `o_(t-j)` are functions of earlier `g`, and so is
//! `floor((C x)_t + z'_t - sum_j c_j o_(t-j) + 1/2) = floor(x_t + z'_t - sum_j c_j n_(t-j) + 1/2) = x_t + n_t = o_t`, the last but one
//! step because `x_t` is an integer vector. Releasing `o_t` modulo `2^b` only, as the ring does, is a function of `o_t`.
//!
//! *Proposition 2.* The stream of `g_t` is as private as one Gaussian release of sensitivity `A = sup ||C D||` and deviation `sigma`, where
//! `D` runs over what one device may contribute: also when each `x_t`, and who takes part in it, depends on what was released before.
//! Proof. Compare the world in which a device contributes with the one in which it contributes zero, everything else the same. Given
//! `g_0, ..., g_(t-1)`, the means of `g_t` in the two differ by `a_t = (C D)_t`, where `D` is what the device contributed so far, and
//! `sum_t ||a_t||^2 <= A^2` on every path. Add a last release of Gaussian noise that shows a shift of squared norm
//! `A^2 - sum_t ||a_t||^2`: this hides nothing, and the sum is `A^2` on every path. The logarithm of the likelihood ratio is
//! `L = sum_t (<a_t, z_t> + ||a_t||^2 / 2) / sigma^2`, and `E exp(i u L - i u A^2 / (2 sigma^2) + u^2 A^2 / (2 sigma^2)) = 1`, taking
//! expectations from the last step to the first, each given those before. So `L` is normal with mean `A^2 / (2 sigma^2)` and variance
//! `A^2 / sigma^2`, as it is for one Gaussian release of sensitivity `A`; in the other world likewise. (Smith and Thakurta 2022,
//! 2210.17520, state this as a filter for Gaussian differential privacy; with fixed participation it is Denisov and others 2022, Theorem 2.1.)
//!
//! The accountant computes `A` from these very coefficients and `(k, b)`: [`DpEvent::MatrixFactorisation`](crate::DpEvent::MatrixFactorisation).
//!
//! **Buffered strategies** ([`Buffered`]). `c_t = sum_j w_j theta_j^(t-1)`, and what is fed back, `sum_j w_j s_j`, comes from buffers
//! `s_j <- theta_j s_j + n_t`. After `t` rounds the exact values have `16 t` binary digits, so buffers are rounded to `2^-32` and their sum
//! to `2^-16`: `n_t = floor(z'_t - f_t(n) + 1/2)`, where `f_t` differs from the linear function of Proposition 1 by at most `E` in each
//! coordinate ([`Buffered`] computes `E` from its decays and weights).
//!
//! *Proposition 3.* The releases are as private as one Gaussian release of deviation `sigma` and sensitivity `A + 2 E sqrt(n d)`. Proof. Fix
//! what was released before `t`. Then `n = o - x` for the earlier rounds, and `q_t = x_t - f_t(o - x)` is what is asked in round `t`: a
//! multiple of `2^-16`, so that `o_t = floor(q_t + z'_t + 1/2)` is a function of `q_t + z_t`. Between the two worlds `q_t` differs by
//! `D_t - f_t(o - x) + f_t(o - x')`, which is `(C D)_t` up to `2 E` in each coordinate. The vector of these differences has norm at
//! most `A + 2 E sqrt(n d)`, and the proof of Proposition 2 holds word for word. `A` is at least the largest norm of one contribution,
//! so charging the excess on the bound `S` of contributions charges no less than all of it.
//!
//! **Trees** ([`Tree`]). Every node `v` of a binary tree over the block has the noised sum `N_v = S_v + y_v` of its rounds, where `y_v` is a
//! rounded Gaussian of deviation `sigma`, drawn when the node is complete. Estimates from below, as Honaker combines them, are
//! `E_v = N_v` for a leaf and `E_v = R(a N_v + (1 - a)(E_left + E_right))` above, where `R` rounds to `2^-16` and `a` is a multiple of `2^-16` that
//! depends on the level. The sum of the first `t + 1` rounds is estimated by `P_t`, the sum of `E_v` over the nodes that they consist
//! of, rounded to integers, and the release is `o_t = P_t - P_(t-1)`.
//!
//! *Proposition 4.* `o_t` is a function of the `N_v` complete by then, and `o_t - x_t` is an integer vector that does not depend on `x`. Proof.
//! The first is by definition. By induction `E_v = S_v + W_v`: `a S_v + (1 - a)(S_left + S_right) = S_v` is an integer and passes
//! through `R`, so `W_v = R(a y_v + (1 - a)(W_left + W_right))`. So `P_t` is the sum of `x_0, ..., x_t` plus the rounded sum of the `W_v`.
//!
//! A device that takes part once is in the nodes over one leaf, so the `N_v` are one Gaussian release of sensitivity `S sqrt(height)`, adaptively
//! as in Proposition 2: [`DpEvent::TreeAggregation`](crate::DpEvent::TreeAggregation).
//!
//! # What a crash does
//! Nothing is ever drawn again: noise that an earlier process drew is derived again from the block's secret, and comes out the same. The
//! receipt of a round names its place in its block, and a stream gives the noise of each place once; a round that was paid for and
//! lost has used its place up. A stream whose secret is gone cannot be gone on with.

mod banded;
mod buffered;
mod correlation;
mod dyadic;
mod error;
mod limits;
mod shape;
mod simplex;
mod stream;
mod toeplitz;
mod tree;

pub use banded::Banded;
pub use buffered::{Buffered, DyadicBuffer};
pub use correlation::Correlation;
pub use error::CorrelationError;
pub use limits::Limits;
pub use shape::Shape;
pub use stream::{NoiseStream, STREAM_VERSION, StreamError};
pub use tree::Tree;

/// Largest standard deviation in steps: with it `2^16` times as much is within the sampler's limit.
pub const SIGMA_LIMIT: u64 = crate::mechanism::SIGMA_LIMIT >> dyadic::FRACTION_BITS;
