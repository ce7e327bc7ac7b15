//! Loads at once wait for each other.

use std::time::Duration;

use lakehouse_testkit::Server;

use crate::fixture::{DAYS, everything, file, files, load, publish, rows, shop};

fn spawn(lake: &lakehouse_tests::Lake, day: &str) -> lakehouse_testkit::ProcessGroup {
    lake.env.spawn(
        "lake-load",
        &["--pipeline", "till", "--date", day, "--run-id", "manual__2"],
    )
}

#[test]
fn loads_of_four_days_at_once_are_all_in_the_file() {
    let server = Server::local_s3();
    let lake = shop(&server, "");
    publish(&lake, &DAYS);
    load(&lake, DAYS[3], &["--from", DAYS[0]]).expect_code(0);
    let expected = everything(&file(&lake));
    for _ in 0..3 {
        std::fs::remove_file(file(&lake)).unwrap();
        let mut loads: Vec<_> = DAYS.iter().map(|day| spawn(&lake, day)).collect();
        for process in &mut loads {
            let status = process.wait_for(Duration::from_secs(60)).expect("an end");
            assert!(status.success(), "{status}");
        }
        assert_eq!(everything(&file(&lake)), expected);
        assert_eq!(files(&lake), ["analytics.duckdb"]);
    }
}

#[test]
fn a_load_waits_for_the_lock_and_not_for_readers() {
    let server = Server::local_s3();
    let lake = shop(&server, "");
    publish(&lake, &DAYS[..2]);
    load(&lake, DAYS[0], &[]).expect_code(0);
    let warehouse = lakehouse_stage::WarehouseFile::new(file(&lake));
    let lock = warehouse.try_lock().unwrap().expect("the lock");
    let mut waiting = spawn(&lake, DAYS[1]);
    assert!(
        waiting.wait_for(Duration::from_secs(2)).is_none(),
        "it did not wait"
    );
    assert_eq!(rows(&file(&lake), "SELECT count(*) FROM tills"), ["3"]);
    drop(lock);
    let status = waiting.wait_for(Duration::from_secs(60)).expect("an end");
    assert!(status.success(), "{status}");
    assert_eq!(rows(&file(&lake), "SELECT count(*) FROM tills"), ["6"]);
}

#[test]
fn who_has_the_file_open_for_writing_does_not_stop_a_load() {
    let server = Server::local_s3();
    let lake = shop(&server, "");
    publish(&lake, &DAYS[..2]);
    load(&lake, DAYS[0], &[]).expect_code(0);
    // As the `duckdb` shell opens it, unless it is told otherwise.
    let folder = tempfile::tempdir().unwrap();
    let session = lakehouse_engine::Session::open(&lakehouse_engine::SessionOptions {
        workspace: folder.path().to_owned(),
        memory_limit_bytes: 256 << 20,
        threads: 1,
        pseudonym_key: None,
    })
    .unwrap();
    session
        .attach_to_write(&file(&lake), lakehouse_contract::StorageVersion::V1_4)
        .unwrap();
    load(&lake, DAYS[1], &["--dry-run"]).expect_code(0);
    load(&lake, DAYS[1], &[]).expect_code(0);
    let count = "SELECT count(*) FROM warehouse.tills";
    assert_eq!(session.query(count).unwrap()[0][0].as_u64(), Some(3));
    session.detach().unwrap();
    assert_eq!(rows(&file(&lake), "SELECT count(*) FROM tills"), ["6"]);
    assert_eq!(files(&lake), ["analytics.duckdb"]);
}
