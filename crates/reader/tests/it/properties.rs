//! The reader against simple models, with blocks so small that their ends fall everywhere.

use lakehouse_contract::UnknownColumns;
use lakehouse_reader::{ReadPlan, ReaderOptions};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::*;

/// A value as it is written, and the text that it means.
fn json_value() -> impl Strategy<Value = (String, Option<String>)> {
    let as_written = |text: &str| Just((text.to_owned(), Some(text.to_owned())));
    prop_oneof![
        4 => "[ -~é😀\n\t\\\\\"]{0,20}".prop_map(|text| (serde_json::to_string(&text).unwrap(), Some(text))),
        1 => "[a-zé]{0,5}".prop_map(|text| {
            let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            (format!("\"{escaped}\""), Some(text))
        }),
        3 => "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?".prop_map(|text| (text.clone(), Some(text))),
        1 => Just(("null".to_owned(), None)),
        1 => as_written("true"),
        1 => as_written("false"),
        1 => as_written("[1, [\"]\", {\"a\": \"}\"}]]"),
        1 => as_written("{\"a\" : [], \"b\\\"\": {\"c\": null}}"),
    ]
}

fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just(""), 3 => Just(" "), 1 => Just("\t \r")]
}

/// A record as it is written, and the texts of `a`, `b`, `n.x`, `n.y`.
fn json_record() -> impl Strategy<Value = (String, Vec<Option<String>>)> {
    let members = prop::collection::vec(prop::option::weighted(0.8, json_value()), 6);
    let order = Just(vec![0, 1, 2, 3]).prop_shuffle();
    (
        members,
        order,
        prop::collection::vec(space(), 20),
        any::<bool>(),
    )
        .prop_map(|(members, order, spaces, has_nested)| {
            let mut spaces = spaces.iter().cycle();
            let mut object = |members: Vec<(&str, String)>| {
                let mut text = format!("{{{}", spaces.next().unwrap());
                for (index, (key, value)) in members.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    let mut space = || *spaces.next().unwrap();
                    text.push_str(&format!(
                        "{comma}{}\"{key}\"{}:{}{value}{}",
                        space(),
                        space(),
                        space(),
                        space()
                    ));
                }
                text + "}"
            };
            let member =
                |index: usize, key| members[index].as_ref().map(|(text, _)| (key, text.clone()));
            let nested = object(
                [member(2, "x"), member(4, "other"), member(3, "y")]
                    .into_iter()
                    .flatten()
                    .collect(),
            );
            let outer = [
                member(0, "a"),
                member(1, "b"),
                has_nested.then_some(("n", nested)),
                member(5, "a long unknown key"),
            ];
            let outer = order
                .into_iter()
                .filter_map(|index| outer[index].clone())
                .collect();
            let text = |index: usize| members[index].as_ref().and_then(|(_, text)| text.clone());
            let nested_text = |index| if has_nested { text(index) } else { None };
            (
                object(outer),
                vec![text(0), text(1), nested_text(2), nested_text(3)],
            )
        })
}

fn json_plan() -> ReadPlan {
    let fields = ["a", "b", "n.x", "n.y"].map(text).to_vec();
    ReadPlan::new(fields, Vec::new(), UnknownColumns::Discard).unwrap()
}

fn small_blocks(
    format: &lakehouse_contract::Format,
    block_bytes: usize,
    threads: usize,
) -> ReaderOptions {
    let mut options = options(format);
    (options.block_bytes, options.threads) = (Some(block_bytes), threads);
    options
}

/// What the model reads of a text that `break_text` has been at.
fn values(text: &str) -> Option<Vec<Value>> {
    serde_json::Deserializer::from_str(text)
        .into_iter::<Value>()
        .collect::<Result<_, _>>()
        .ok()
}

/// Changes a few characters.
fn break_text(text: &str, changes: &[(usize, usize, &str)]) -> String {
    let mut characters: Vec<String> = text.chars().map(String::from).collect();
    for (at, removed, inserted) in changes {
        let at = at % (characters.len() + 1);
        let end = (at + removed).min(characters.len());
        characters.splice(at..end, [(*inserted).to_owned()]);
    }
    characters.concat()
}

fn changes() -> impl Strategy<Value = Vec<(usize, usize, &'static str)>> {
    let inserted = prop::sample::select(vec![
        "", "{", "}", "[", "]", "\"", ",", ":", "\\", " ", "\u{1}", "t", "\\u", "-", ".",
    ]);
    prop::collection::vec((any::<usize>(), 0_usize..3, inserted), 1..4)
}

fn has_duplicate_key(text: &str) -> bool {
    // The model keeps the last one of a key; what it writes again then has fewer keys.
    let keys = |text: &str| text.matches("\":").count() + text.matches("\" :").count();
    serde_json::from_str::<Value>(text).is_ok_and(|value| keys(&value.to_string()) < keys(text))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_says_what_was_written(
        records in prop::collection::vec(json_record(), 0..12),
        between in space(),
        block_bytes in 1_usize..200,
        threads in 1_usize..4,
    ) {
        let expected: Vec<_> = records.iter().map(|(_, texts)| texts.clone()).collect();
        let texts: Vec<&str> = records.iter().map(|(text, _)| text.as_str()).collect();
        for (format, file) in [
            (LINES, texts.iter().map(|text| format!("{between}{text}{between}\n")).collect::<String>()),
            (LINES, texts.join(between)),
            (ARRAY, format!("[{between}{}{between}]\n", texts.join(&format!("{between},{between}")))),
            (CONCATENATED, texts.join(&format!("{between}\n"))),
        ] {
            let found = read(&json_plan(), small_blocks(&format, block_bytes, threads), &file);
            prop_assert_eq!(found.unreadable(), None);
            prop_assert!(found.rows.iter().all(|row| row.broken.is_empty()));
            let values: Vec<_> = found.rows.iter().map(|row| row.values.clone()).collect();
            prop_assert_eq!(&values, &expected, "{}", file);
            for (row, text) in found.rows.iter().zip(&texts) {
                prop_assert!(file[row.offset as usize..].starts_with(text));
            }
            let other = found.files[0].discarded.get("n.other").copied().unwrap_or(0);
            prop_assert_eq!(other, texts.iter().filter(|text| text.contains("\"other\"")).count() as u64);
        }
    }

    #[test]
    fn broken_lines_are_those_of_the_model(
        records in prop::collection::vec(json_record(), 1..4),
        changes in changes(),
        block_bytes in 1_usize..200,
    ) {
        let line = break_text(&records.iter().map(|(text, _)| text.as_str()).collect::<String>(), &changes);
        let file = format!("{{\"a\":\"before\"}}\n{line}\n{{\"a\":\"behind\"}}\n");
        let found = read(&json_plan(), small_blocks(&LINES, block_bytes, 1), &file);
        // A change may put a blank into a key, and no other record has that key.
        if found.unreadable().is_some_and(|(_, _, reason)| reason.starts_with("no record has")) {
            return Ok(());
        }
        let rows = &found.rows[1..found.rows.len() - 1];
        let first_and_last = [&found.rows[0], &found.rows[found.rows.len() - 1]].map(|row| row.values[0].clone());
        prop_assert_eq!(first_and_last, [Some("before".to_owned()), Some("behind".to_owned())]);
        prop_assert!(rows.iter().all(|row| row.position == 2));
        match values(&line) {
            None => {
                prop_assert_eq!(rows.len(), 1, "{}", line);
                prop_assert_eq!(&rows[0].broken, &["*:record"]);
            }
            Some(values) => {
                prop_assert_eq!(rows.len(), values.len(), "{}", line);
                for (row, value) in rows.iter().zip(&values) {
                    let is_object = value.is_object();
                    prop_assert_eq!(row.broken == ["*:record"], !is_object, "{}", line);
                    if row.broken.is_empty()
                        && let Some(text) = value["a"].as_str()
                    {
                        prop_assert_eq!(row.values[0].as_deref(), Some(text));
                    }
                }
            }
        }
    }

    #[test]
    fn broken_arrays_are_those_of_the_model(
        records in prop::collection::vec(json_record(), 0..5),
        changes in changes(),
        block_bytes in 1_usize..200,
    ) {
        let texts: Vec<&str> = records.iter().map(|(text, _)| text.as_str()).collect();
        let file = break_text(&format!("[{}]", texts.join(", ")), &changes);
        let found = read(&json_plan(), small_blocks(&ARRAY, block_bytes, 2), &file);
        match serde_json::from_str::<Vec<Value>>(&file) {
            Err(_) => prop_assert!(found.unreadable().is_some(), "{}", file),
            Ok(values) => {
                prop_assert_eq!(found.unreadable(), None, "{}", file);
                prop_assert_eq!(found.rows.len(), values.len(), "{}", file);
                for (row, value) in found.rows.iter().zip(&values) {
                    let text = &file[row.offset as usize..];
                    if row.broken == ["*:duplicateKey"] {
                        prop_assert!(has_duplicate_key(&file), "{}", text);
                    } else {
                        prop_assert_eq!(row.broken == ["*:record"], !value.is_object(), "{}", text);
                    }
                }
            }
        }
    }

    #[test]
    fn csv_says_what_was_written(
        table in (1_usize..5).prop_flat_map(|width| {
            prop::collection::vec(prop::collection::vec("[a-c,;\"\n é]{0,6}|x\r\ny", width), 0..10)
        }),
        delimiter in prop::sample::select(vec![b',', b';', b'\t']),
        always_quoted: bool,
        carriage_return: bool,
        block_bytes in 1_usize..100,
        threads in 1_usize..4,
    ) {
        let width = table.first().map_or(1, Vec::len);
        let names: Vec<String> = (0..width).map(|column| format!("column {column}")).collect();
        let style = if always_quoted { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let end = if carriage_return { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer =
            csv::WriterBuilder::new().delimiter(delimiter).quote_style(style).terminator(end).from_writer(Vec::new());
        writer.write_record(&names).unwrap();
        for row in &table {
            writer.write_record(row).unwrap();
        }
        let file = writer.into_inner().unwrap();
        let plan = plan(names.iter().map(|name| text(name)).collect());
        let format = csv_with(delimiter, b'"', "utf-8");
        let found = read(&plan, small_blocks(&format, block_bytes, threads), &file);
        prop_assert_eq!(found.unreadable(), None);
        let expected: Vec<Vec<Option<String>>> = table
            .iter()
            // What is empty and not in quotes is NULL; alone in its record it has quotes.
            .map(|row| {
                let is_null = |field: &String| field.is_empty() && !always_quoted && width > 1;
                row.iter().map(|field| (!is_null(field)).then(|| field.clone())).collect()
            })
            .collect();
        let values: Vec<_> = found.rows.iter().map(|row| row.values.clone()).collect();
        prop_assert_eq!(values, expected, "{}", String::from_utf8_lossy(&file));
        for row in &found.rows {
            let before = &file[..row.offset as usize];
            prop_assert_eq!(row.position as usize, 1 + before.iter().filter(|byte| **byte == b'\n').count());
        }
    }

    /// Any text at all: where it can be read, every record that is whole says what the model says.
    #[test]
    fn any_csv_agrees_with_the_model(
        body in prop::collection::vec(prop::sample::select(vec!["a", "b", ",", "\"", "\n", "\r\n", " ", "é"]), 0..40),
        block_bytes in 1_usize..60,
    ) {
        let file = format!("x,y\n{}", body.concat());
        let found = read(&plan(vec![text("x"), text("y")]), small_blocks(&csv(), block_bytes, 2), &file);
        if found.unreadable().is_none() {
            let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file.as_bytes());
            let records: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
            prop_assert_eq!(found.rows.len(), records.len(), "{:?}", file);
            for (row, record) in found.rows.iter().zip(&records) {
                if row.broken.is_empty() {
                    let values: Vec<&str> = row.values.iter().map(|value| value.as_deref().unwrap_or("")).collect();
                    prop_assert_eq!(values, record.iter().collect::<Vec<_>>(), "{:?}", file);
                } else if record.len() == 2 {
                    prop_assert_eq!(&row.broken, &["*:record"], "{:?}", file);
                }
            }
        }
    }
}
