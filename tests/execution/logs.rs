//! Logs of tasks that say very much: what is kept, what is shown, and what it costs the server.

use super::yard::{Yard, script};
use serde_json::{Value, json};
use std::time::Duration;

/// What the server took of memory at its most, in MiB.
fn peak(yard: &Yard) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", yard.server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn details(yard: &Yard, task: &str) -> Value {
    yard.caller().get(&format!("/api/Spaces-1/tasks/{task}/details")).expect(200).json()
}

/// Every line of the details, in order of numbers.
fn elements(details: &Value) -> Vec<Value> {
    fn walk(activity: &Value, out: &mut Vec<Value>) {
        out.extend(activity["LogElements"].as_array().unwrap().iter().cloned());
        activity["Children"].as_array().unwrap().iter().for_each(|child| walk(child, out));
    }
    let mut all = Vec::new();
    walk(&details["ActivityLogs"][0], &mut all);
    all.sort_by_key(|element| element["Number"].as_i64());
    all
}

/// Findings G12: more lines than a log holds, then the reason and exit 7.
#[test]
fn the_end_of_a_log_that_is_too_long_is_there_for_every_reader() {
    // Longer than the log's 64 MiB in few lines, so that a slow machine is done with it.
    let body = "i=0; line=$(head -c 60000 /dev/zero | tr '\\0' y); while [ $i -lt 1300 ]; do i=$((i + 1)); echo \"$i $line\"; done; \
                echo the reason; exit 7";
    let yard = Yard::new("Untenanted", &[script("Talk", body)]);
    let task = yard.deploy("1.0.0");
    let end = yard.end_of(&task);
    assert_eq!(end["ErrorMessage"], "Step 1 (Talk) failed: The script ended with exit code 7.");
    let raw = yard.raw(&task);
    let at = |words: &str| raw.find(words).unwrap_or_else(|| panic!("{words} is missing"));
    let order = ["| 1 yyy", "lines (", "| 1300 yyy", "| the reason", "exit code 7", "Fatal    | Step 1 (Talk) failed"];
    assert!(order.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "in order");
    let missing: usize = raw.split_once("| … ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    let kept = raw.lines().filter(|line| line.ends_with("yyy")).count();
    assert_eq!(kept + missing, 1300, "what is kept and what is missing is all");
    let folder = yard.server.data().join("companies/harbour/task-logs");
    let size: u64 = folder.read_dir().unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!((56 << 20..66 << 20).contains(&size), "{size}");
    let details = details(&yard, &task);
    assert_eq!(details["PhysicalLogSize"], size);
    let elements = elements(&details);
    assert_eq!(elements[0]["Category"], "Gap");
    assert_eq!(elements[0]["Number"], details["LogLinesLeftOut"]);
    assert!(elements.last().unwrap()["MessageText"].as_str().unwrap().starts_with("Step 1 (Talk) failed"));
    let mut ada = yard.server.browser();
    ada.sign_in("harbour", &yard.company.email, &yard.company.password);
    let page = ada.get(&format!("/harbour/tasks/{task}")).expect(200).text();
    assert!(page.contains("the reason") && page.contains("earlier lines are in the plain text"));
    // Who reads along is given all that is kept, once.
    let last = elements.last().unwrap()["Number"].as_i64().unwrap();
    let stream = ada.get(&format!("/harbour/tasks/{task}/events?after={}", last - 3)).expect(200).text();
    assert_eq!(stream.matches("event: line").count(), 3);
}

/// Findings F8, G13: 90 lines of 1 MB, then one of 50 MB, and many readers.
#[test]
fn long_lines_cost_neither_pages_nor_memory() {
    let body = "line=$(head -c 1000000 /dev/zero | tr '\\0' x); for i in $(seq 90); do echo \"$line\"; done; \
                head -c 50000000 /dev/zero | tr '\\0' z; echo; echo the end";
    let yard = Yard::new("Untenanted", &[script("Talk", body)]);
    let task = yard.deploy("1.0.0");
    assert_eq!(yard.end_of(&task)["State"], "Success");
    let mut ada = yard.server.browser();
    ada.sign_in("harbour", &yard.company.email, &yard.company.password);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..3 {
                    let answer = yard.caller().get(&format!("/api/tasks/{task}/details")).expect(200).text();
                    assert!(answer.len() < 4 << 20, "{}", answer.len());
                }
            });
        }
    });
    let page = ada.get(&format!("/harbour/tasks/{task}")).expect(200).text();
    assert!(page.len() < 2 << 20, "{}", page.len());
    assert!(page.contains("the end") && page.contains("(cut: the line above has 47.7 MiB in all)"));
    assert!(page.contains(&format!("<a href=\"/harbour/api/tasks/{task}/raw\">All of it in the plain text</a>")));
    let cut: Vec<Value> =
        elements(&details(&yard, &task)).into_iter().filter(|one| one["Detail"].is_string()).collect();
    assert!(!cut.is_empty() && cut.iter().all(|one| one["MessageText"].as_str().unwrap().contains("(cut: ")));
    let stream = ada.get(&format!("/harbour/tasks/{task}/events?after=0")).expect(200).text();
    assert!(stream.len() < 8 << 20 && stream.contains("the end"), "{}", stream.len());
    let raw = yard.raw(&task);
    assert!(raw.len() > 40 << 20 && raw.contains("| the end"));
    assert!(raw.lines().any(|line| line.ends_with(&format!("| {}", "x".repeat(1_000_000)))), "a long line is one line");
    assert!(peak(&yard) < 400, "the server took {} MiB", peak(&yard));
}

/// A neighbour of F8: service messages that are longer than a piece of a line are read, and their values never shown.
#[test]
fn long_service_messages_do_what_they_ask_for() {
    let yard = Yard::new(
        "Untenanted",
        &[
            script(
                "Give",
                "long=$(head -c 300000 /dev/zero | tr '\\0' k); set_octopusvariable Long \"$long\"; \
                 set_octopusvariable Key quite-secret -sensitive; echo \"now quite-secret.\"; \
                 key=$(head -c 70000 /dev/zero | tr '\\0' q); set_octopusvariable Large \"$key\" -sensitive; \
                 echo \"##octopus[setVariable name='TG9uZw==' value='$(head -c 3000000 /dev/zero | tr '\\0' A)']\"; echo after",
            ),
            script(
                "Take",
                "get_octopusvariable 'Octopus.Action[Give].Output.Long' | wc -c; get_octopusvariable 'Octopus.Action[Give].Output.Key' | wc -c",
            ),
        ],
    );
    let task = yard.deploy("1.0.0");
    let end = yard.end_of(&task);
    let raw = yard.raw(&task);
    assert!(raw.len() < 20_000, "no value is in it: {} bytes", raw.len());
    assert_eq!((&end["State"], &end["HasWarningsOrErrors"]), (&json!("Success"), &json!(true)), "{raw}");
    for words in [
        "| 300000",
        "| 12",
        "now *****.",
        "200 secret values of 64 KiB in all",
        "longer than 2 MiB, so it is not read and not shown",
        "| after",
    ] {
        assert!(raw.contains(words), "{words} in {raw}");
    }
}

/// A task whose company is replaced under it, as a restore does: its script ends, and nothing is written into either file.
#[test]
fn a_task_whose_company_was_replaced_is_stopped() {
    let yard = Yard::new("Untenanted", &[script("Work", "echo $$; while :; do echo talk; sleep 0.2; done")]);
    let task = yard.deploy("1.0.0");
    yard.until_it_says(&task, "talk");
    let home = yard.server.data().join("companies");
    let (old, new) = (home.join("harbour"), yard.server.data().join("new"));
    let copied = std::process::Command::new("cp").arg("-r").args([&old, &new]).status().unwrap();
    assert!(copied.success());
    let before = std::fs::read_to_string(new.join("task-logs/1.log")).unwrap();
    let aside = yard.server.data().join("old");
    std::fs::rename(&old, &aside).unwrap();
    std::fs::rename(&new, &old).unwrap();
    // The folder of the run goes when its script has ended.
    yard.wait_for("the script to be ended", || yard.server.runs().is_empty().then_some(()));
    let ended = std::fs::read_to_string(aside.join("task-logs/1.log")).unwrap();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(std::fs::read_to_string(aside.join("task-logs/1.log")).unwrap(), ended, "nothing more is written");
    assert!(!ended.contains("Fatal") && !ended.contains("Abandoned"), "no end is claimed: {ended}");
    assert_eq!(std::fs::read_to_string(old.join("task-logs/1.log")).unwrap(), before, "nor into the new one");
}
