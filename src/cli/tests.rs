//! What the command line says of itself, and what is said of it elsewhere.

use super::*;
use clap::CommandFactory;
use std::{fs, path::Path};

fn tree() -> clap::Command {
    let mut tree = Cli::command();
    tree.build();
    tree
}

/// Every command with its path of words.
fn commands(of: &clap::Command, before: &str, all: &mut Vec<(String, clap::Command)>) {
    let path = format!("{before}{}", of.get_name());
    all.push((path.clone(), of.clone()));
    of.get_subcommands().for_each(|one| commands(one, &format!("{path} "), all));
}

fn all() -> Vec<(String, clap::Command)> {
    let mut found = Vec::new();
    commands(&tree(), "", &mut found);
    found
}

/// Findings I8.
#[test]
fn what_consents_or_destroys_is_typed_and_never_taken_from_the_environment() {
    let consent = ["yes", "operator", "all", "replace", "despite_damage", "despite_tasks"];
    let mut seen = 0;
    for (path, command) in all() {
        for argument in command.get_arguments().filter(|one| consent.contains(&one.get_id().as_str())) {
            seen += 1;
            assert!(argument.get_env().is_none(), "{path} takes --{} from the environment", argument.get_id());
        }
    }
    assert!(seen >= 6, "{seen}");
}

/// Findings I8.
#[test]
fn every_switch_of_the_environment_takes_the_usual_words() {
    for (path, command) in all() {
        for argument in command.get_arguments().filter(|one| one.get_env().is_some()) {
            if !matches!(argument.get_action(), clap::ArgAction::SetTrue) {
                continue;
            }
            let words: Vec<String> = argument
                .get_value_parser()
                .possible_values()
                .map(|all| all.map(|one| one.get_name().to_owned()).collect())
                .unwrap_or_default();
            for word in ["1", "0", "true", "false", "yes", "no"] {
                assert!(words.iter().any(|one| one == word), "{path} --{} does not take {word}", argument.get_id());
            }
        }
    }
}

fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

/// What stands after `bulkhead ` in a text, up to the end of what is quoted.
fn asked(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("bulkhead ") {
        let before = text[..at].chars().next_back().unwrap_or(' ');
        // A word in itself: not a path, a name, or what a hash begins with.
        if before.is_alphanumeric() || ['/', '_', '-', '.', '@'].contains(&before) || text[..at].ends_with("b\"") {
            continue;
        }
        let rest = &text[at + "bulkhead ".len()..];
        let end = rest.find(['`', '"', '\n', ';', '(', ')', '|', '&', '<']).unwrap_or(rest.len());
        let words = rest[..end].split_whitespace().map(|word| word.trim_end_matches(['.', ',', ':']).to_owned());
        found.push(words.collect());
    }
    found
}

/// Findings E6.
#[test]
fn every_command_and_option_that_is_named_anywhere_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = vec![root.join("README.md")];
    ["src", "templates", "packaging"].iter().for_each(|part| files(&root.join(part), &mut texts));
    let (tree, mut seen) = (tree(), 0);
    // Words of purposes that hashes begin with, and of sentences about the program.
    let sentences = ["form", "passkey", "if", "is", "has", "does", "and", "on", "company key"];
    for path in texts.iter().filter(|path| !path.ends_with("cli/tests.rs")) {
        let Ok(text) = fs::read_to_string(path) else { continue };
        for words in asked(&text) {
            let line = words.join(" ");
            if words.is_empty() || sentences.iter().any(|one| line == *one || line.starts_with(&format!("{one} "))) {
                continue;
            }
            let mut command = &tree;
            for word in &words {
                let plain = word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-');
                match command.find_subcommand(word) {
                    Some(found) => command = found,
                    // Something to fill in, or an option before it.
                    None if !plain || command.get_subcommands().next().is_none() => break,
                    None => panic!("{}: there is no command: bulkhead {line}", path.display()),
                }
            }
            if command.get_name() == tree.get_name() && words[0].starts_with(|c: char| c.is_ascii_lowercase()) {
                panic!("{}: there is no command: bulkhead {line}", path.display());
            }
            for option in words.iter().filter_map(|word| word.strip_prefix("--")).filter(|word| !word.is_empty()) {
                let option = option.split('=').next().unwrap_or(option);
                let known = command.get_arguments().any(|one| one.get_long() == Some(option));
                assert!(
                    known || ["help", "version"].contains(&option),
                    "{}: no --{option}: bulkhead {line}",
                    path.display()
                );
            }
            seen += 1;
        }
    }
    assert!(seen > 25, "{seen}");

    // Options that sentences name by themselves.
    let options: Vec<String> = all()
        .iter()
        .flat_map(|(_, one)| {
            one.get_arguments().filter_map(|one| one.get_long()).map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    for part in ["src/appliance", "src/app", "src/base", "src/store", "src/company", "src/cli", "src/api", "src/web"] {
        let mut texts = Vec::new();
        files(&root.join(part), &mut texts);
        for path in texts.iter().filter(|path| !path.ends_with("cli/tests.rs")) {
            let text = fs::read_to_string(path).unwrap();
            for (at, _) in text.match_indices("--") {
                let name: String = text[at + 2..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
                let begins = text[..at].ends_with([' ', '“', '`', '(']);
                if begins && !name.is_empty() && !name.starts_with('-') {
                    let others = ["help", "version", "reuid", "regid", "clear-groups"];
                    let known = options.contains(&name) || others.contains(&name.as_str());
                    assert!(known, "{}: there is no option --{name}", path.display());
                }
            }
        }
    }
}

/// Findings D15, E: whoever reads may go away.
#[test]
fn nothing_here_prints_past_the_one_way_that_bears_a_broken_pipe() {
    let mut texts = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut texts);
    for path in texts.iter().filter(|path| !path.ends_with("cli/tests.rs") && !path.ends_with("cli/out.rs")) {
        let text = fs::read_to_string(path).unwrap_or_default();
        assert!(!text.contains("std::println!") && !text.contains("std::eprintln!"), "{}", path.display());
        if !path.components().any(|part| part.as_os_str() == "cli" || part.as_os_str() == "tests") {
            assert!(!text.contains(" println!("), "{}: only the command line prints", path.display());
        }
    }
}
