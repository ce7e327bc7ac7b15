use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::*;

fn options(output: &Path) -> SalesOptions {
    SalesOptions {
        date: NaiveDate::from_ymd_opt(2025, 11, 1).expect("a date"),
        rows: 2000,
        seed: 7,
        corrupt_rate: 0.0,
        files: 3,
        output: output.to_path_buf(),
    }
}

fn generate(change: impl FnOnce(&mut SalesOptions)) -> (SalesSummary, Vec<Vec<u8>>) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = options(folder.path());
    change(&mut options);
    let summary = generate_sales(&options).expect("generated");
    let mut names: Vec<_> = fs::read_dir(&summary.folder)
        .expect("the day's folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    names.sort();
    let expected: Vec<_> = (1..=options.files)
        .map(|n| summary.folder.join(format!("sales-{n:03}.jsonl")))
        .collect();
    assert_eq!(names, expected, "nothing but the files, under their names");
    (
        summary,
        names
            .iter()
            .map(|name| fs::read(name).expect("a file"))
            .collect(),
    )
}

fn lines(files: &[Vec<u8>]) -> Vec<String> {
    files
        .iter()
        .flat_map(|file| {
            std::str::from_utf8(file)
                .expect("UTF-8")
                .lines()
                .map(str::to_owned)
        })
        .collect()
}

#[test]
fn same_arguments_same_bytes() {
    let (first, second) = (
        generate(|o| o.corrupt_rate = 0.1),
        generate(|o| o.corrupt_rate = 0.1),
    );
    assert_eq!(first.1, second.1);
    assert_ne!(
        first.1,
        generate(|o| (o.corrupt_rate, o.seed) = (0.1, 8)).1,
        "another seed"
    );
    assert_ne!(
        generate(|_| ()).1,
        generate(|o| o.date = o.date.succ_opt().expect("a date")).1,
        "another date"
    );
}

#[test]
fn the_bytes_never_change() {
    // What is committed elsewhere (measurements, expected results) rests on these.
    let (_, files) = generate(|o| (o.rows, o.files) = (2, 1));
    assert_eq!(lines(&files), PINNED);
}

#[test]
fn sound_rows_are_whole_and_of_the_day() {
    let (summary, files) = generate(|_| ());
    let lines = lines(&files);
    assert_eq!((summary.rows, lines.len()), (2000, 2000));
    assert_eq!(
        summary.bytes,
        files.iter().map(|file| file.len() as u64).sum::<u64>()
    );
    assert_eq!(summary.flaws, [0; Flaw::ALL.len()]);
    let mut ids = BTreeSet::new();
    let mut offsets = BTreeSet::new();
    for line in &lines {
        let sale: Value = serde_json::from_str(line).expect(line);
        assert!(
            ids.insert(sale["transaction_id"].as_str().expect(line).to_owned()),
            "{line}"
        );
        assert!(sale["amount"].as_f64().expect(line) > 0.0);
        assert!(sale["quantity"].as_u64().expect(line) >= 1);
        assert!(
            sale["client"].is_null()
                || sale["client"]
                    .as_str()
                    .expect(line)
                    .ends_with("@example.com")
        );
        for field in ["id", "name", "category"] {
            assert!(!sale["product"][field].as_str().expect(line).is_empty());
        }
        assert!(sale["product"]["unit_price"].as_f64().expect(line) > 0.0);
        let date = sale["date"].as_str().expect(line);
        offsets.insert(date[19..].to_owned());
        let instant = chrono::DateTime::parse_from_rfc3339(&if date.len() == 19 {
            format!("{date}Z")
        } else {
            date.to_owned()
        });
        assert_eq!(
            instant.expect(line).naive_utc().date().to_string(),
            "2025-11-01",
            "{line}"
        );
    }
    assert_eq!(
        offsets.into_iter().collect::<Vec<_>>(),
        ["", "+02:00", "-05:00", "Z"]
    );
}

#[test]
fn every_flaw_takes_its_turn_and_the_rate_holds() {
    let (summary, files) = generate(|o| (o.rows, o.corrupt_rate) = (20_000, 0.03));
    let total: u64 = summary.flaws.iter().sum();
    assert!((500..700).contains(&total), "{total} of 20,000");
    let (least, most) = (summary.flaws.iter().min(), summary.flaws.iter().max());
    assert!(
        most.unwrap_or(&0) - least.unwrap_or(&0) <= 2,
        "{:?}",
        summary.flaws
    );

    let lines = lines(&files);
    assert_eq!(lines.len(), 20_000);
    let count = |flaw: Flaw| {
        summary.flaws[Flaw::ALL
            .iter()
            .position(|kind| *kind == flaw)
            .expect("listed")]
    };
    let holding = |text: &str| lines.iter().filter(|line| line.contains(text)).count() as u64;
    assert_eq!(holding("\"amount\":\"about 20\""), count(Flaw::AmountText));
    assert_eq!(holding("\"amount\":NaN"), count(Flaw::AmountNan));
    assert_eq!(
        holding("\"date\":\"32/13/2025\""),
        count(Flaw::ImpossibleDate)
    );
    assert_eq!(holding("\"quantity\":2.5"), count(Flaw::FractionalQuantity));
    assert_eq!(holding("\"quantity\":-1"), count(Flaw::NegativeQuantity));
    assert_eq!(holding("\"cashier\":"), count(Flaw::UnknownField));
    assert_eq!(
        lines.iter().filter(|line| !line.ends_with('}')).count() as u64,
        count(Flaw::BrokenLine)
    );
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.matches("\"amount\":").count() == 2)
            .count() as u64,
        count(Flaw::DuplicateKey)
    );

    let distinct: BTreeSet<_> = lines.iter().collect();
    assert_eq!(
        (lines.len() - distinct.len()) as u64,
        count(Flaw::ExactDuplicate)
    );
    let named = lines
        .iter()
        .filter(|line| line.contains("\"transaction_id\":\""))
        .count() as u64;
    assert_eq!(20_000 - named, count(Flaw::MissingTransactionId));
    let ids: BTreeSet<_> = lines
        .iter()
        .filter_map(|line| {
            line.split("\"transaction_id\":\"")
                .nth(1)?
                .split('"')
                .next()
        })
        .collect();
    assert_eq!(
        named - ids.len() as u64,
        count(Flaw::ExactDuplicate) + count(Flaw::Redelivery)
    );
}

#[test]
fn sound_rows_do_not_depend_on_the_rate() {
    let clean: BTreeSet<_> = lines(&generate(|_| ()).1).into_iter().collect();
    let (summary, files) = generate(|o| o.corrupt_rate = 0.05);
    let changed = lines(&files)
        .iter()
        .filter(|line| !clean.contains(*line))
        .count() as u64;
    let repeated = summary.flaws[Flaw::ALL
        .iter()
        .position(|kind| *kind == Flaw::ExactDuplicate)
        .expect("listed")];
    assert_eq!(changed + repeated, summary.flaws.iter().sum::<u64>());
}

#[test]
fn extremes_hold() {
    let (summary, files) = generate(|o| o.rows = 0);
    assert_eq!((summary.bytes, files), (0, vec![vec![], vec![], vec![]]));
    let (summary, files) = generate(|o| (o.rows, o.corrupt_rate, o.files) = (30, 1.0, 1));
    assert_eq!(
        (summary.flaws.iter().sum::<u64>(), lines(&files).len()),
        (30, 30)
    );
}

#[test]
fn rows_are_spread_evenly() {
    assert_eq!(
        (0..=3).map(|file| share(10, 3, file)).collect::<Vec<_>>(),
        [0, 3, 6, 10]
    );
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let occupied = folder.path().join("occupied");
    fs::write(&occupied, "").expect("a file");
    let error = generate_sales(&options(&occupied)).expect_err("refused");
    assert_eq!(error.exit_code(), 2);
    assert!(
        error.render().contains(&format!(
            "cannot create the folder `{}/2025-11-01`",
            occupied.display()
        )),
        "{}",
        error.render()
    );
}

const PINNED: [&str; 2] = [
    r#"{"transaction_id":"CPH-20251101-00000000","amount":47.62,"date":"2025-11-01T10:25:05-05:00","client":"nils.zielinski35@example.com","product":{"id":"P0450","name":"Travel-size teapot","category":"Kitchen","unit_price":47.62},"quantity":1}"#,
    r#"{"transaction_id":"LYO-20251101-00000001","amount":80.17,"date":"2025-11-01T09:07:59Z","client":"ada.keller11@example.com","product":{"id":"P0165","name":"Vintage bear","category":"Toys","unit_price":89.07},"quantity":1}"#,
];
