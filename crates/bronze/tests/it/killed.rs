//! Killed is the same as never run: at whatever moment, the next run ends in the same bytes.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use lakehouse_testkit::{Fault, FaultyStore};

use crate::fixture::{Shop, arguments};

/// Requests at which the run is stopped: the first of them never comes back before the kill.
const MOMENTS: [(&str, &str); 8] = [
    ("HEAD", "/bronze"),
    ("GET", "_manifest.json"),
    ("GET", "list-type=2"),
    ("PUT", "a.json"),
    ("POST", "large.json?uploads"),
    ("PUT", "partNumber=2"),
    ("POST", "uploadId="),
    ("PUT", "_manifest.json"),
];

fn shop() -> Shop {
    let shop = Shop::with_day();
    shop.deliver("large.json", lakehouse_testkit::noise(3, 20 * 1024 * 1024));
    shop
}

fn expected() -> BTreeMap<String, Vec<u8>> {
    let shop = shop();
    shop.done(&[]);
    shop.partition()
}

/// Starts bronze, waits until it is at the moment, and hands it over.
fn at_moment(
    shop: &mut Shop,
    (method, target): (&str, &str),
    kill: impl FnOnce(&Shop, lakehouse_testkit::ProcessGroup),
) {
    let direct = shop.server.endpoint();
    let faulty = FaultyStore::in_front_of(shop.server.socket_address());
    faulty.queue_for(method, target, Fault::Delay(Duration::from_secs(120)));
    shop.env.set("AWS_ENDPOINT_URL", faulty.endpoint());
    let process = shop.env.spawn("lake-bronze", &arguments(&[]));
    let start = Instant::now();
    while faulty.waiting() > 0 {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "{method} {target} never came"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    kill(shop, process);
    shop.env.set("AWS_ENDPOINT_URL", direct);
}

#[test]
fn sigterm_cleans_up_reports_and_converges() {
    let expected = expected();
    for moment in MOMENTS {
        let mut shop = shop();
        at_moment(&mut shop, moment, |shop, mut process| {
            process.terminate();
            // The request that it waits for is held for two minutes: it ends without it.
            let status = process.wait_for(Duration::from_secs(60)).expect("it ends");
            assert_eq!(status.code(), Some(143), "{moment:?}");
            let stdout = std::fs::read_to_string(shop.env.path("lake-bronze.stdout")).unwrap();
            let report: serde_json::Value = serde_json::from_str(stdout.trim_end()).unwrap();
            assert_eq!(stdout.lines().count(), 1);
            assert_eq!(report["outcome"], "killed");
            assert_eq!(report["exit_code"], 143);
            assert_eq!(report["signal"], "SIGTERM");
            assert!(
                shop.workspaces().is_empty(),
                "{moment:?}: {:?}",
                shop.workspaces()
            );
            assert!(
                !shop.partition().contains_key("_manifest.json"),
                "{moment:?}"
            );
        });
        shop.done(&[]);
        assert!(
            shop.partition() == expected,
            "{moment:?}: {:?}",
            shop.partition().keys()
        );
    }
}

#[test]
fn sigterm_gives_up_the_upload_that_is_under_way() {
    let mut shop = shop();
    at_moment(&mut shop, ("PUT", "partNumber=2"), |shop, mut process| {
        assert_eq!(crate::prefix::uploads(shop), 1);
        process.terminate();
        process.wait_for(Duration::from_secs(20)).expect("it ends");
        assert_eq!(crate::prefix::uploads(shop), 0);
    });
}

#[test]
fn sigint_ends_with_130() {
    let mut shop = shop();
    at_moment(&mut shop, MOMENTS[3], |shop, mut process| {
        process.interrupt();
        let status = process.wait_for(Duration::from_secs(20)).expect("it ends");
        assert_eq!(status.code(), Some(130));
        assert!(shop.workspaces().is_empty());
    });
}

#[test]
fn sigkill_converges_and_the_next_run_sweeps_the_workspace() {
    let expected = expected();
    for moment in MOMENTS {
        let mut shop = shop();
        at_moment(&mut shop, moment, |shop, mut process| {
            process.kill();
            let status = process.wait_for(Duration::from_secs(20)).expect("it ends");
            assert_eq!(status.signal(), Some(9), "{moment:?}");
            assert_eq!(
                shop.workspaces().len(),
                2,
                "folder and lock: {:?}",
                shop.workspaces()
            );
            assert!(
                !shop.partition().contains_key("_manifest.json"),
                "{moment:?}"
            );
        });
        shop.done(&[]);
        assert!(
            shop.partition() == expected,
            "{moment:?}: {:?}",
            shop.partition().keys()
        );
        assert!(
            shop.workspaces().is_empty(),
            "{moment:?}: {:?}",
            shop.workspaces()
        );
    }
}
