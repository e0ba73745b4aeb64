//! Deployments carried out: by the real program, in its sandbox and on real machines.

mod asked;
mod crash;
mod logs;
mod standing;
mod stopping;
mod deployments;
mod machines;
mod putback;
mod transport;
mod worker;
pub mod yard;
