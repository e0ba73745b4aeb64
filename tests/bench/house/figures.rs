//! Figures as a table, and the few settings of a run.

use std::{collections::HashMap, time::Duration};

/// A setting from the environment.
pub fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Whether each part only shows that it still runs: tiny sizes, figures that say nothing. `SHORT=1`.
pub fn short() -> bool {
    setting("SHORT", 0) != 0
}

/// How often each thing is measured; the median counts.
pub fn rounds() -> usize {
    if short() { 1 } else { setting("ROUNDS", 5).max(1) as usize }
}

/// How long each measurement under load lasts: at most ten seconds.
pub fn each() -> Duration {
    Duration::from_secs(if short() { 1 } else { setting("SECONDS_EACH", 4).clamp(1, 10) })
}

/// How long each measurement of writes lasts: at most three seconds.
pub fn slot() -> Duration {
    if short() { Duration::from_millis(100) } else { Duration::from_secs(setting("SECONDS_EACH", 2).clamp(1, 3)) }
}

/// The value in the middle.
pub fn median(values: &[f64]) -> f64 {
    rank(values, 0.5)
}

/// The value below which this part of all values lies.
pub fn rank(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len().saturating_sub(1)) as f64 * part;
    sorted.get(at.round() as usize).copied().unwrap_or(f64::NAN)
}

pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Seconds of processor time that a process has used.
pub fn processor_time(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the server's state");
    let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: f64 = after.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<f64>().ok()).sum();
    ticks / 100.0
}

/// What was measured, in order, and what was said of each as a ratio.
#[derive(Default)]
pub struct Table {
    rows: Vec<(String, String, String)>,
    values: HashMap<String, f64>,
}

impl Table {
    /// A figure with its unit. It is printed at once, so that one sees that something happens.
    pub fn figure(&mut self, name: &str, value: f64, unit: &str, more: &str) {
        let digits = if value.abs() < 10.0 { 2 } else { usize::from(value.abs() < 100.0) };
        let shown = format!("{value:.digits$} {unit}");
        eprintln!("  {name}: {shown}{}{more}", if more.is_empty() { "" } else { ", " });
        self.values.insert(name.into(), value);
        self.rows.push((name.into(), if more.is_empty() { shown } else { format!("{shown}, {more}") }, String::new()));
    }

    /// Says of a figure what it is as a part or a multiple of another one.
    pub fn against(&mut self, name: &str, other: &str, aim: &str) {
        let (Some(value), Some(bare)) = (self.values.get(name), self.values.get(other)) else { return };
        let ratio = value / bare;
        let shown = if ratio < 2.0 { format!("{:.0} %", ratio * 100.0) } else { format!("{ratio:.1}×") };
        let aim = if aim.is_empty() { String::new() } else { format!(" (aim {aim})") };
        if let Some((.., said)) = self.rows.iter_mut().find(|(known, ..)| known == name) {
            let more = if said.is_empty() { "" } else { "; " };
            said.push_str(&format!("{more}{shown} of {other}{aim}"));
        }
    }

    /// Says of a figure what is aimed at.
    pub fn aim(&mut self, name: &str, aim: &str) {
        if let Some((.., said)) = self.rows.iter_mut().find(|(known, ..)| known == name) {
            said.push_str(&format!("aim {aim}"));
        }
    }

    pub fn print(&self) {
        for (name, figure, ratio) in &self.rows {
            println!("| {name} | {figure} | {ratio} |");
        }
    }
}
