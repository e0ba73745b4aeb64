//! The built-in worker.

use super::*;

mod ahead;
mod attacks;
mod ends;
mod layers;
mod network;
mod ordinary;
mod refusals;

use bulkhead::execution::transport::sandbox::{Layer, Network, PowerShell, Settings, Weakest};

struct Bench {
    place: Place,
    work: PathBuf,
    data: PathBuf,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn sandbox(&self) -> &Arc<Sandbox> {
        let Place::Sandbox(sandbox) = &self.place else { unreachable!() };
        sandbox
    }
}

/// The program whose keeper and init take part.
fn program() -> PathBuf {
    std::env::var_os("BULKHEAD_TESTS_PROGRAM")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_bulkhead")), PathBuf::from)
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A sandbox beside a data folder with a secret in it, made as the product makes it: for its owner alone.
fn bench_of(settings: Settings, changed: impl FnOnce(Sandbox) -> Sandbox) -> Bench {
    use std::os::unix::fs::DirBuilderExt;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::DirBuilder::new().mode(0o700).create(&data).unwrap();
    std::fs::write(data.join("company.db"), "the books").unwrap();
    let work = data.join("work");
    let sandbox = changed(Sandbox::new(work.clone(), settings).unwrap().with_program(program()));
    Bench { place: Place::Sandbox(Arc::new(sandbox)), work, data, _folder: folder }
}

/// Runs; what the worker itself has to say stands last.
async fn run_quietly(place: &Place, script: Script) -> Run {
    let mut run = run(place, script).await;
    run.lines.sort_by_key(|line| line.stream == Stream::Note);
    run
}

/// Without a network, so that what is installed here makes no difference.
fn bench() -> Bench {
    bench_of(Settings { network: Some(Network::None), ..Settings::default() }, |sandbox| sandbox)
}

/// A length of sleep by which its processes are known: numbers inside of a run are not those outside.
fn nap() -> String {
    format!("{}.{:06}", 100_000 + rand::random::<u32>() % 900_000, rand::random::<u32>() % 1_000_000)
}

/// How many processes sleep so long.
fn sleeping(nap: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    processes
        .filter(|number| number.parse::<u32>().is_ok())
        .filter(|number| {
            let words = std::fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
            words.split(|byte| *byte == 0).any(|word| word == nap.as_bytes()) && alive(number)
        })
        .count()
}

/// Nobody sleeps so long any more, within five seconds.
#[track_caller]
fn assert_none_sleeps(nap: &str) {
    let until = Instant::now() + Duration::from_secs(5);
    while sleeping(nap) > 0 {
        assert!(Instant::now() < until, "{} processes are still there", sleeping(nap));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Runs, and wants the private folder gone afterwards.
#[track_caller]
fn go(bench: &Bench, script: Script) -> Run {
    let run = block_on(run_quietly(&bench.place, script));
    assert!(empty(&bench.work), "something is left in the work folder");
    run
}

#[test]
fn output_and_exit_code() {
    let bench = bench();
    let run = go(&bench, bash("echo one; echo zwei >&2; echo three; printf 'no end'; exit 7"));
    assert_eq!(run.exit_code(), 7);
    assert_eq!(run.out(), "one\nthree\nno end");
    assert_eq!(run.err(), "zwei");
    assert_eq!(go(&bench, bash("true")).exit_code(), 0);
}

#[test]
fn a_script_that_kills_itself_is_reported_as_such() {
    let run = go(&bench(), bash("kill -SEGV $$"));
    assert_eq!(run.result.unwrap(), Outcome { exit_code: 139, signal: Some("SEGV".to_owned()) });
}

#[test]
fn line_numbers_are_the_users_own() {
    let run = go(&bench(), bash("echo start\r\n\r\nno_such_command\r\n"));
    assert_eq!(run.exit_code(), 127);
    assert!(run.err().contains("line 3: no_such_command: command not found"), "{}", run.err());
}

#[test]
fn variables_survive_every_byte() {
    let value = nasty();
    let name = "It's $a \"name\"\n";
    let mut script = bash(
        "set -eu\nv=$(get_octopusvariable \"It's \\$a \\\"name\\\"\n\"; echo x); v=${v%x}\n\
         set_octopusvariable \"It's\" \"$v\"\nset_octopusvariable pw s3cret -sensitive\n\
         echo \"[$(get_octopusvariable Octopus.Environment.Name)][$(get_octopusvariable none)]\"",
    );
    script.variables.insert(name.to_owned(), value.clone());
    script.variables.insert("Octopus.Environment.Name".to_owned(), "Prod".to_owned());
    let run = go(&bench(), script);
    assert_eq!(run.exit_code(), 0, "{}", run.err());
    let base64 = data_encoding::BASE64.encode(value.as_bytes());
    assert_eq!(run.lines[0].text, format!("##octopus[setVariable name='SXQncw==' value='{base64}']"));
    assert_eq!(run.lines[1].text, "##octopus[setVariable name='cHc=' value='czNjcmV0' sensitive='VHJ1ZQ==']");
    assert_eq!(run.lines[2].text, "[Prod][]");
}

#[test]
fn python_has_the_same_functions_and_its_own_line_numbers() {
    let mut script = bash(
        "from __future__ import annotations\nset_octopusvariable('a', get_octopusvariable('v'))\nprint(get_octopusvariable('none') == '')\nraise ValueError('boom')",
    );
    script.syntax = Syntax::Python;
    script.variables.insert("v".to_owned(), nasty());
    let run = go(&bench(), script);
    assert_eq!(run.exit_code(), 1);
    let base64 = data_encoding::BASE64.encode(nasty().as_bytes());
    assert_eq!(run.out(), format!("##octopus[setVariable name='YQ==' value='{base64}']\nTrue"));
    assert!(run.err().contains("\"script.py\", line 4"), "{}", run.err());
}

/// Findings H4, H5: the functions of `scripts §3`; names ignore case, the same letters go first.
#[test]
fn the_functions_of_every_bash_script() {
    let mut script = bash(
        "set -eu\nwrite_verbose one; write_highlight two; write_wait three; write_warning 'four five'\n\
         update_progress 42 Copying\nget_octopusvariable octopus.release.number; echo\n\
         echo \"${octopus_parameters[Octopus.Release.Number]}\"; key='Octopus.Action[Step 1].Output.It'\\''s'\n\
         echo \"[${octopus_parameters[$key]}][$(get_octopusvariable EMPTY)][$(get_octopusvariable both)][$(get_octopusvariable BOTH)]\"\n\
         fail_step 'No room'; echo never",
    );
    for (name, value) in [
        ("Octopus.Release.Number", "1.2.3"),
        ("Octopus.Action[Step 1].Output.It's", "a\\nb'\nc"),
        ("Empty", ""),
        ("EMPTY", "of another"),
        ("Both", "first"),
        ("BOTH", "exact"),
    ] {
        script.variables.insert(name.to_owned(), value.to_owned());
    }
    let run = go(&bench(), script);
    assert_eq!((run.exit_code(), run.err().as_str()), (1, ""), "{}", run.out());
    let level = |level: &str, text: &str| format!("##octopus[stdout-{level}]\n{text}\n##octopus[stdout-default]\n");
    let levels = [("verbose", "one"), ("highlight", "two"), ("wait", "three"), ("warning", "four five")];
    let levels: String = levels.iter().map(|(word, text)| level(word, text)).collect();
    assert_eq!(
        run.out(),
        format!(
            "{levels}##octopus[progress percentage='NDI=' message='Q29weWluZw==']\n1.2.3\n1.2.3\n\
             [a\\nb'\nc][of another][exact][exact]\n##octopus[resultMessage message='Tm8gcm9vbQ==']"
        )
    );
}

/// Findings H4, H7: the same in Python; what goes wrong is told with the user's own lines and numbers, and no other.
#[test]
fn python_tells_faults_with_the_users_own_lines() {
    let python = |body: &str| {
        let mut script = bash(body);
        script.syntax = Syntax::Python;
        script.variables.insert("Octopus.Release.Number".to_owned(), "1.2.3".to_owned());
        go(&bench(), script)
    };
    let run = python(
        "printverbose('one')\nprinthighlight('two')\nprintwait('three')\nprintwarning('four')\nupdateprogress(42, 'Copying')\n\
         print(get_octopusvariable('octopus.release.number'), octopusvariables['Octopus.Release.Number'])\nset_octopusvariable('a', 'b')\n\
         print(octopusvariables['a'], decode(encode('x')))\nfailstep('No room')",
    );
    assert_eq!((run.exit_code(), run.err().as_str()), (255, ""));
    assert!(run.out().ends_with(
        "##octopus[progress percentage='NDI=' message='Q29weWluZw==']\n1.2.3 1.2.3\n\
         ##octopus[setVariable name='YQ==' value='Yg==']\nb x\n##octopus[resultMessage message='Tm8gcm9vbQ==']"
    ));
    assert!(run.out().starts_with("##octopus[stdout-verbose]\none\n##octopus[stdout-default]\n"));
    let run = python(
        "def f():\n    raise ValueError('boom')\n\n\ntry:\n    f()\nexcept ValueError as led:\n    raise KeyError('k') from led\n",
    );
    let told = "Traceback (most recent call last):\n  File \"script.py\", line 6, in <module>\n    f()\n";
    assert!(run.err().starts_with(told), "{}", run.err());
    assert!(
        run.err().contains("  File \"script.py\", line 8, in <module>\n    raise KeyError('k') from led"),
        "{}",
        run.err()
    );
    for wrong in [run.err(), python("x = 1\nprintwarning()").err(), python("print(1)\nif x\n").err()] {
        assert!(!wrong.contains("bulkhead") && !wrong.contains("b64") && wrong.contains("script.py"), "{wrong}");
    }
    assert!(python("print(1)\nif x\n").err().contains("line 2\n    if x\n"));
}

#[test]
fn a_missing_interpreter_is_refused_with_a_remedy() {
    if Syntax::PowerShell.available_here() {
        return;
    }
    let mut script = bash("'x'");
    script.syntax = Syntax::PowerShell;
    let fault = go(&bench(), script).result.unwrap_err();
    assert!(fault.nothing_ran());
    assert!(fault.to_string().contains("no pwsh") && fault.to_string().contains("Install it"), "{fault}");
}

#[test]
fn a_script_finds_what_it_needs() {
    let body = r#"set -e
        [ "$PWD" = "$HOME" ] && [ "$HOME" = /step ] && [ "$TMPDIR" = /tmp ] && [ "$(id -un)" = script ] && [ "$(umask)" = 0077 ]
        echo text > file; cat file; rm file
        cat <<< here; cat < <(echo substitution); echo out > /dev/null; echo err > /dev/stderr
        t=$(mktemp); echo "${t#$TMPDIR}" | cut -c1-5
        mkdir -p a/b; mv a/b c; printf '#!/bin/sh\necho ran\n' > run; chmod +x run; ./run
        head -c 4 /dev/urandom | wc -c
        getent hosts localhost >/dev/null; python3 -c 'import ssl, json, tempfile; tempfile.TemporaryFile()'
        read -r line || echo no input
        env | cut -d= -f1 | grep -vE '^(_|SHLVL|OLDPWD|PWD)$' | sort | tr '\n' ' '"#;
    let run = go(&bench(), bash(body));
    assert_eq!(run.exit_code(), 0, "{}\n{}", run.out(), run.err());
    assert_eq!(
        run.out(),
        "text\nhere\nsubstitution\n/tmp.\nran\n4\nno input\nDOTNET_CLI_TELEMETRY_OPTOUT HOME LANG PATH POWERSHELL_TELEMETRY_OPTOUT TMPDIR "
    );
    assert_eq!(run.err(), "err");
}

#[test]
fn rights_and_limits() {
    let body = "python3 - <<'E'\nimport ctypes, os, resource as r\n\
        for n in ['CORE', 'NOFILE', 'NPROC', 'FSIZE', 'DATA', 'CPU']: print(n, *r.getrlimit(getattr(r, 'RLIMIT_' + n)))\n\
        libc = ctypes.CDLL(None)\nprint('nnp', libc.prctl(39, 0, 0, 0, 0))\n\
        print('bounding', sum(libc.prctl(23, n, 0, 0, 0) == 1 for n in range(41)))\n\
        print('groups', os.getgroups(), 'own user', os.getuid() >= 0x70000000, os.getuid())\nE";
    let run = go(&bench(), bash(body));
    let out = run.out();
    assert_eq!(run.exit_code(), 0, "{}", run.err());
    for line in
        ["CORE 0 0", "NPROC 512 512", "FSIZE 2147483648 2147483648", "DATA 4294967296 4294967296", "CPU 61 62", "nnp 1"]
    {
        assert!(out.contains(line), "{line}: {out}");
    }
    assert!(out.contains("bounding 0"), "{out}");
    if is_root() {
        assert!(out.contains("groups [] own user True"), "{out}");
    } else {
        assert!(out.contains("own user False 1000"), "{out}");
    }
}

#[test]
fn much_output_arrives_whole_and_in_order() {
    let run = go(&bench(), bash("seq 1 1500000; echo end >&2"));
    assert_eq!(run.exit_code(), 0);
    assert_eq!(run.lines.iter().filter(|line| line.stream != Stream::Note).count(), 1_500_001);
    assert!(
        run.lines
            .iter()
            .filter(|line| line.stream == Stream::Out)
            .enumerate()
            .all(|(at, line)| line.text == (at + 1).to_string())
    );
}

#[test]
fn binary_output_and_endless_lines() {
    let run = go(
        &bench(),
        bash("printf 'a\\377\\000b\\n'; head -c 200000 /dev/zero | tr '\\0' x; echo; head -c 1000000 /dev/urandom"),
    );
    assert_eq!(run.exit_code(), 0);
    assert_eq!(run.lines[0].text, "a\u{fffd}\0b");
    let long: Vec<&Line> = run.lines[1..].iter().take(4).collect();
    assert_eq!(long.iter().map(|line| line.text.len()).sum::<usize>(), 200_000);
    assert_eq!(long.iter().map(|line| line.continued).collect::<Vec<_>>(), [true, true, true, false]);
}

#[test]
fn nobody_listening_does_not_stop_the_script() {
    let bench = bench();
    let (sender, receiver) = mpsc::channel(1);
    drop(receiver);
    let outcome = block_on(bench.place.run(&bash("seq 1 100000; exit 5"), sender, CancellationToken::new()));
    assert_eq!(outcome.unwrap().exit_code, 5);
}

#[test]
fn a_folder_the_script_has_closed_is_removed() {
    let run = go(&bench(), bash("mkdir -p a/b; touch a/b/c; chmod 0 a/b a; chmod 0500 ."));
    assert_eq!(run.exit_code(), 0);
}

#[test]
fn leftovers_are_swept_at_the_start() {
    let bench = bench();
    std::fs::create_dir_all(bench.work.join("ServerTasks-9-1-00/tmp")).unwrap();
    bench.sandbox().sweep().unwrap();
    assert!(empty(&bench.work));
}

#[test]
fn many_at_once_do_not_see_each_other() {
    let bench = bench();
    let runs = block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..12 {
            let place = bench.place.clone();
            let script = bash(&format!(
                "echo {number} > mine; sleep 0.2; cat mine ../*/mine | uniq -c | tr -d ' '; exit {number}"
            ));
            tasks.spawn(async move { (number, run_quietly(&place, script).await) });
        }
        tasks.join_all().await
    });
    for (number, run) in runs {
        assert_eq!((run.exit_code(), run.out()), (number, format!("2{number}")), "its own, by both ways");
    }
    assert!(empty(&bench.work));
}

/// Findings D19: PowerShell is where its packages put it, beyond the folders that every script may read; its own folder is
/// shown, and nothing beside it.
#[test]
fn findings_d19_powershell_is_found_where_the_setting_says() {
    // An ordinary user of a machine like this one has no folder that could be shown.
    let Ok(beside) = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")) else {
        assert!(!is_root());
        return;
    };
    let folder = beside.path().join("7");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(beside.path().join("secret"), "the books").unwrap();
    let open = |path: &std::path::Path, mode| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    open(beside.path(), 0o755);
    open(&folder, 0o755);
    // What stands in for it says how it was called, and looks round.
    let program = folder.join("pwsh");
    std::fs::write(
        &program,
        format!("#!/bin/sh\necho \"$1 $4\"; ls {0}; cat {0}/../secret; touch {0}/x; echo done\n", folder.display()),
    )
    .unwrap();
    open(&program, 0o755);
    let link = beside.path().join("pwsh-link");
    std::os::unix::fs::symlink(&program, &link).unwrap();
    for named in [&program, &link] {
        let powershell = PowerShell::at(named).unwrap();
        let bench = bench_of(Settings { network: Some(Network::None), ..Settings::default() }, |sandbox| {
            sandbox.with_powershell(Some(powershell)).unwrap()
        });
        let mut script = bash("");
        script.syntax = Syntax::PowerShell;
        let run = go(&bench, script);
        assert_eq!(run.exit_code(), 0, "{}", run.err());
        assert_eq!(run.out().trim(), "-NoLogo -File\npwsh\ndone", "{}", run.err());
        assert!(run.err().contains("secret") && !run.out().contains("books"), "{}", run.err());
        assert!(!folder.join("x").exists());
    }
    // A search path leads to it; what could show people's files or the data folder is refused.
    let path = std::env::join_paths([std::path::Path::new("/no/such"), &folder]).unwrap();
    assert_eq!(PowerShell::found(Some(&path)), Some(PowerShell::at(&program).unwrap()));
    let wrong = PowerShell::at(&folder).unwrap_err();
    assert!(wrong.contains("not a program"), "{wrong}");
    let refused = Sandbox::new(folder.join("work"), Settings::default()).unwrap();
    assert!(refused.with_powershell(Some(PowerShell::at(&program).unwrap())).is_err());
}
