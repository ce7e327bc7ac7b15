//! A load killed at any instant leaves the old file or the new one, and nothing after cleanup.

use std::time::{Duration, Instant};

use lakehouse_testkit::Server;

use crate::fixture::{DAYS, everything, file, files, load, publish, shop};

/// Instants of SIGKILL, spread over the time that a load takes.
const INSTANTS: u32 = 12;

#[test]
fn the_old_file_or_the_new_one_and_no_leftovers() {
    let server = Server::local_s3();
    let lake = shop(&server, "");
    publish(&lake, &DAYS[..2]);
    load(&lake, DAYS[0], &[]).expect_code(0);
    let old_bytes = std::fs::read(file(&lake)).unwrap();
    let old = everything(&file(&lake));
    let started = Instant::now();
    load(&lake, DAYS[1], &[]).expect_code(0);
    let taken = started.elapsed();
    let new = everything(&file(&lake));
    assert_ne!(old, new);

    let mut left_something = 0;
    for instant in 1..=INSTANTS {
        std::fs::write(file(&lake), &old_bytes).unwrap();
        let mut process = lake.env.spawn(
            "lake-load",
            &[
                "--pipeline",
                "till",
                "--date",
                DAYS[1],
                "--run-id",
                "manual__2",
            ],
        );
        std::thread::sleep(taken * instant / INSTANTS);
        process.kill();
        process.wait_for(Duration::from_secs(10)).expect("an end");
        left_something += u32::from(files(&lake).len() > 1);
        let seen = everything(&file(&lake));
        assert!(seen == old || seen == new, "at {instant} of {INSTANTS}");
        match instant % 2 {
            // The next load removes what is left, and ends in the new file.
            0 => {
                let next = load(&lake, DAYS[1], &[]);
                assert!(matches!(next.code, Some(0 | 99)), "{next}");
                assert_eq!(everything(&file(&lake)), new);
            }
            // So does cleanup, and it leaves the file as it is.
            _ => {
                lake.stage("cleanup", "till", DAYS[1], &[]).expect_code(0);
                assert_eq!(everything(&file(&lake)), seen);
            }
        }
        assert_eq!(files(&lake), ["analytics.duckdb"]);
    }
    assert!(
        left_something > 0,
        "no kill met a load at work: this shows nothing"
    );
}

#[test]
fn cleanup_leaves_what_a_living_load_is_working_on() {
    let server = Server::local_s3();
    let lake = shop(&server, "");
    publish(&lake, &DAYS[..1]);
    load(&lake, DAYS[0], &[]).expect_code(0);
    let warehouse = lakehouse_stage::WarehouseFile::new(file(&lake));
    let lock = warehouse.try_lock().unwrap().expect("the lock");
    std::fs::write(warehouse.loading_path(), "half").unwrap();
    let outcome = lake.stage("cleanup", "till", DAYS[0], &[]);
    outcome.expect_code(0);
    assert_eq!(outcome.report()["warehouse_files_removed"], 0);
    assert!(warehouse.loading_path().exists());
    drop(lock);
    let outcome = lake.stage("cleanup", "till", DAYS[0], &[]);
    assert_eq!(outcome.report()["warehouse_files_removed"], 1, "{outcome}");
    assert_eq!(files(&lake), ["analytics.duckdb"]);
}
