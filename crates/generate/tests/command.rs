//! The executable itself: exit codes, and what it says where.

use std::path::Path;
use std::process::{Command, Output};

fn lake_generate(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lake-generate"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .expect("the executable starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn writes_a_day_and_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments =
        "sales --date 2025-11-01 --rows 12 --seed 3 --corrupt-rate 1 --files 1 --output new/source";
    let output = lake_generate(&arguments.split(' ').collect::<Vec<_>>(), folder.path());
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    let written = std::fs::read(folder.path().join("new/source/2025-11-01/sales-001.jsonl"))
        .expect("the file");
    let said = text(&output.stdout);
    let first = format!(
        "wrote 12 rows ({} bytes; files: 1) to `new/source/2025-11-01`\nwith these flaws in them:\n",
        written.len()
    );
    assert!(said.starts_with(&first), "{said}");
    assert!(said.contains("  impossible-date "), "{said}");
}

#[test]
fn a_wrong_argument_exits_with_2() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [
        "sales --date 2025-11-31 --output x",
        "sales --date 2025-11-01 --output x --corrupt-rate 3",
        "sales --date 2025-11-01 --output x --files 0",
        "sales --date 2025-11-01",
        "weather --date 2025-11-01 --output x",
    ] {
        let output = lake_generate(&arguments.split(' ').collect::<Vec<_>>(), folder.path());
        assert_eq!(
            (output.status.code(), text(&output.stdout)),
            (Some(2), ""),
            "{arguments}"
        );
        assert!(
            text(&output.stderr).starts_with("error: "),
            "{arguments}: {}",
            text(&output.stderr)
        );
    }
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("a folder").count(),
        0,
        "nothing is written"
    );
}

#[test]
fn a_folder_that_is_a_file_exits_with_2_and_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("taken"), "").expect("a file");
    let output = lake_generate(
        &["sales", "--date", "2025-11-01", "--output", "taken"],
        folder.path(),
    );
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""));
    let said = text(&output.stderr);
    assert!(
        said.starts_with("error: cannot create the folder `taken/2025-11-01`\n  Caused by: "),
        "{said}"
    );
    assert!(
        said.ends_with("\nhint: give a folder you may write to as `--output`\n"),
        "{said}"
    );
}

#[test]
fn help_lists_every_flaw_and_exit_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = lake_generate(&["sales", "--help"], folder.path());
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    for flaw in lake_generate::sales::Flaw::ALL {
        assert!(said.contains(flaw.name()), "{}", flaw.name());
    }
    assert!(
        said.contains("Exit codes:") && said.contains("Environment variables"),
        "{said}"
    );
}
