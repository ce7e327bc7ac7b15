//! The frame around a stage, with a stage that misbehaves: `examples/stage_probe.rs`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lakehouse_testkit::{Env, ProcessGroup};
use serde_json::Value;

fn probe() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let release = test.parent().and_then(Path::parent).unwrap();
    release.join("examples/stage_probe")
}

fn run(env: &Env, act: &str) -> (Option<i32>, String, Value) {
    let output = env
        .command_at(&probe())
        .args(["--act", act])
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
        serde_json::from_str(&stdout).unwrap(),
    )
}

fn workspaces(env: &Env) -> usize {
    std::fs::read_dir(env.path("workspace")).unwrap().count()
}

#[test]
fn a_panic_is_a_bug_with_a_report() {
    let env = Env::new();
    for (act, said) in [
        ("panic", "the probe panics"),
        ("task-panic", "a task of the probe panics"),
    ] {
        let (code, stderr, report) = run(&env, act);
        assert_eq!(code, Some(70), "{stderr}");
        assert_eq!(report["outcome"], "bug");
        assert_eq!(
            report["act_started"], true,
            "what was known is still said: {report}"
        );
        assert!(
            stderr.contains(said) && stderr.contains("stage_probe.rs:"),
            "{stderr}"
        );
        assert!(stderr.contains("error: "), "{stderr}");
        assert_eq!(workspaces(&env), 0);
    }
}

#[test]
fn an_error_reads_error_causes_hint() {
    let env = Env::new();
    let (code, stderr, report) = run(&env, "refuse");
    assert_eq!(code, Some(1));
    assert_eq!(
        stderr,
        "error: the probe refuses `it`\n  Caused by: a rule\nhint: look at it\n"
    );
    assert_eq!(report["error"]["causes"][0], "a rule");
    assert_eq!(workspaces(&env), 0);
}

#[test]
fn nothing_to_do_is_99_and_a_full_disk_75() {
    let env = Env::new();
    let (code, _, report) = run(&env, "nothing");
    assert_eq!(
        (code, report["outcome"].as_str()),
        (Some(99), Some("nothing"))
    );
    let (code, stderr, report) = run(&env, "full");
    assert_eq!(
        (code, report["outcome"].as_str()),
        (Some(75), Some("transient"))
    );
    assert!(
        stderr.contains("free") && stderr.contains("LAKE_WORKSPACE_DIR"),
        "{stderr}"
    );
}

#[test]
fn signals_end_a_stage_that_is_inside_a_blocking_call() {
    let env = Env::new();
    for (code, name, send) in [
        (143, "SIGTERM", ProcessGroup::terminate as fn(&ProcessGroup)),
        (130, "SIGINT", ProcessGroup::interrupt),
    ] {
        let stdout = env.path("stdout");
        let mut command = env.command_at(&probe());
        command
            .args(["--act", "block"])
            .stdout(std::fs::File::create(&stdout).unwrap());
        let mut process = ProcessGroup::spawn(&mut command);
        let start = Instant::now();
        while workspaces(&env) < 2 {
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "it never started"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(100));
        let start = Instant::now();
        send(&process);
        let status = process.wait_for(Duration::from_secs(20)).expect("it ends");
        assert_eq!(status.code(), Some(code));
        assert!(
            start.elapsed() < Duration::from_secs(3),
            "{:?}",
            start.elapsed()
        );
        let report: Value =
            serde_json::from_str(std::fs::read_to_string(&stdout).unwrap().trim_end()).unwrap();
        assert_eq!(report["outcome"], "killed");
        assert_eq!(report["signal"], name);
        assert_eq!(
            workspaces(&env),
            0,
            "nothing is left though a thread kept writing"
        );
    }
}

#[test]
fn a_reader_that_goes_away_does_no_harm() {
    let env = Env::new();
    let mut command = env.command_at(&probe());
    command
        .args(["--act", "nothing"])
        .stdout(std::process::Stdio::piped());
    let mut process = ProcessGroup::spawn(&mut command);
    drop(process.child().stdout.take());
    assert_eq!(
        process
            .wait_for(Duration::from_secs(20))
            .expect("it ends")
            .code(),
        Some(99)
    );
}

#[test]
fn two_at_once_have_workspaces_of_their_own() {
    let env = Env::new();
    let codes: Vec<Option<i32>> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| run(&env, "nothing").0))
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert_eq!(codes, [Some(99); 8]);
    assert_eq!(workspaces(&env), 0);
}

#[test]
fn help_is_an_answer_and_no_run() {
    let env = Env::new();
    let output = env.command_at(&probe()).arg("--help").output().unwrap();
    let outcome = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && outcome.contains("Exit codes:"),
        "{outcome}"
    );
}
