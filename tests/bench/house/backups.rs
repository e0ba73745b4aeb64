//! A backup of a large company, idle and at work; and how long a change waits meanwhile.

use super::{
    figures::{Table, median, milliseconds, rounds, setting, short},
    support::busy::Busy,
};
use std::{fs, path::Path, time::Instant};

pub fn measure(table: &mut Table) {
    let megabytes = setting("MEGABYTES", if short() { 2 } else { 300 }) as usize;
    let mut busy = Busy::of_megabytes(megabytes);
    let to = tempfile::tempdir().expect("a temporary folder");
    let again = |busy: &Busy| -> f64 {
        let times: Vec<f64> = (0..rounds().max(if short() { 1 } else { 5 })).map(|_| take(busy, to.path())).collect();
        median(&times)
    };
    let idle = format!("backup of {megabytes} MB, idle");
    let time = again(&busy);
    table.figure(&idle, time, "ms", "");
    busy.begin();
    let calm = {
        busy.worst();
        std::thread::sleep(std::time::Duration::from_millis(if short() { 100 } else { 3000 }));
        milliseconds(busy.worst())
    };
    let load = format!("backup of {megabytes} MB, while a step and 40 changes a second write");
    let time = again(&busy);
    let worst = milliseconds(busy.worst());
    table.figure(&load, time, "ms", "");
    table.against(&load, &idle, "≤ 200 %");
    table.figure("the longest that a change waited meanwhile", worst, "ms", &format!("{calm:.1} ms without a backup"));
    table.aim("the longest that a change waited meanwhile", "≤ 250 ms");
}

fn take(busy: &Busy, to: &Path) -> f64 {
    let begun = Instant::now();
    let told = busy.server.command(&["backup", "harbour", "--to", to.to_str().expect("a path")]).run().expect_success();
    let time = milliseconds(begun.elapsed());
    fs::remove_file(told.stdout.trim()).expect("the backup");
    time
}
