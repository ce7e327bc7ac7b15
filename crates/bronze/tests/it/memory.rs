//! Memory does not grow with the files.

use std::fs::File;

use crate::fixture::{DATE, Shop};

#[test]
fn memory_does_not_depend_on_the_size_of_a_file() {
    let peak = |size_bytes: u64| {
        let shop = Shop::new();
        shop.deliver("large.json", "");
        let path = shop.env.path(&format!("source/orders/{DATE}/large.json"));
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(size_bytes)
            .unwrap();
        let report = shop.done(&[]);
        assert_eq!(report["datasets"]["orders"]["bytes_uploaded"], size_bytes);
        report["peak_resident_bytes"].as_u64().unwrap()
    };
    let small = peak(64 << 20);
    let large = peak(512 << 20);
    assert!(small <= 64 << 20 && large <= 64 << 20, "{small} {large}");
    assert!(large.abs_diff(small) <= 5 << 20, "{small} {large}");
}
