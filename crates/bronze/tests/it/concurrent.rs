//! Two runs of one day at once, and files that are not finished.

use std::time::{Duration, Instant};

use lakehouse_testkit::{Fault, FaultyStore};

use crate::fixture::{Shop, arguments, set_time};

#[test]
fn runs_of_one_day_at_once_end_as_one() {
    for round in 0..3 {
        let shop = Shop::with_day();
        for file in 0..10 {
            shop.deliver(&format!("{file}.json"), format!("{round} {file}"));
        }
        let codes: Vec<Option<i32>> = std::thread::scope(|scope| {
            let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| shop.bronze(&[]))).collect();
            runs.into_iter()
                .map(|run| run.join().unwrap().code)
                .collect()
        });
        assert_eq!(codes, [Some(0); 4]);
        let partition = shop.partition();
        assert_eq!(partition.len(), 14, "{:?}", partition.keys());
        assert_eq!(shop.manifest()["files"].as_array().unwrap().len(), 13);
        assert_eq!(shop.done(&[])["objects_written"], 0);
    }
}

#[test]
fn a_run_that_meets_anothers_manifest_keeps_what_both_have_seen() {
    let mut shop = Shop::with_day();
    let direct = shop.server.endpoint();
    let faulty = FaultyStore::in_front_of(shop.server.socket_address());
    shop.env.set("AWS_ENDPOINT_URL", faulty.endpoint());
    faulty.queue_for("PUT", "_manifest.json", Fault::Hold);
    let mut slow = shop.env.spawn("lake-bronze", &arguments(&[]));
    wait_for(&faulty);
    // Meanwhile another run sees a file more, and another version of one.
    shop.env.set("AWS_ENDPOINT_URL", direct);
    shop.deliver("later.json", "later");
    shop.done(&[]);
    faulty.release();
    let status = slow.wait_for(Duration::from_secs(30)).expect("it ends");
    assert_eq!(status.code(), Some(0));
    assert_eq!(shop.manifest()["files"].as_array().unwrap().len(), 4);
    assert_eq!(
        shop.object_of("2024-01-15/later.json"),
        "2024-01-15/later.json"
    );
}

#[test]
fn a_file_that_changes_while_it_is_read_is_transient() {
    let mut shop = Shop::new();
    shop.deliver("large.json", lakehouse_testkit::noise(5, 20 * 1024 * 1024));
    let faulty = FaultyStore::in_front_of(shop.server.socket_address());
    shop.env.set("AWS_ENDPOINT_URL", faulty.endpoint());
    faulty.queue_for("POST", "uploads", Fault::Hold);
    let mut process = shop.env.spawn("lake-bronze", &arguments(&[]));
    wait_for(&faulty);
    // It has been hashed; now other bytes of the same size come under it.
    let path = shop.env.path("source/orders/2024-01-15/large.json");
    std::fs::write(&path, lakehouse_testkit::noise(6, 20 * 1024 * 1024)).unwrap();
    set_time(&path, 1_705_300_001);
    faulty.release();
    let status = process.wait_for(Duration::from_secs(60)).expect("it ends");
    let stderr = std::fs::read_to_string(shop.env.path("lake-bronze.stderr")).unwrap();
    assert_eq!(status.code(), Some(75), "{stderr}");
    assert!(
        stderr.contains("large.json` changed while it was being read"),
        "{stderr}"
    );
    assert!(shop.partition().is_empty(), "{:?}", shop.partition().keys());
    assert_eq!(crate::prefix::uploads(&shop), 0);
    shop.done(&[]);
    assert_eq!(shop.partition().len(), 2);
}

/// Waits until all that is to go wrong has met its request.
pub fn wait_for(faulty: &FaultyStore) {
    let start = Instant::now();
    while faulty.waiting() > 0 {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "the request never came"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}
