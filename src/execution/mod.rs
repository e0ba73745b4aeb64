//! Turns a claimed task into work on machines; uses only the company's commands.

pub mod mask;
pub mod transport;
