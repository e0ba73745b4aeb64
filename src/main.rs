//! The program: the command line, and an exit code.

fn main() -> std::process::ExitCode {
    bulkhead::cli::run()
}
