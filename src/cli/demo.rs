//! `bulkhead demo`.

use super::{Failure, Start, serve};
use clap::Args;

/// Where to serve the demonstration.
#[derive(Args, Clone)]
pub struct Options {
    #[command(flatten)]
    serve: serve::Options,
}

/// Fills an empty data folder, starts the server and runs a real deployment.
pub fn run(start: Start, options: Options) -> Result<(), Failure> {
    serve::run(start, options.serve)
}
