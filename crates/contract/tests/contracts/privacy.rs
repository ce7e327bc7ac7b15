//! What transforms read, and what classified columns keep to themselves.

use std::collections::BTreeSet;

use lakehouse_contract::{Contract, ContractError};

use super::{A, EVERYTHING, contract, refused};

#[test]
fn transforms_are_looked_at() {
    let error = refused(&contract(
        "",
        "",
        &["name: a, logicalType: string, transformLogic: 'lower(a'"],
    ));
    assert_eq!(error.problem().place, "column `a`");
    assert!(
        error
            .to_string()
            .contains("`transformLogic`: `(` is not closed"),
        "{error}"
    );

    let computed = "name: b, logicalType: string, transformLogic: \"upper('x')\"";
    let error = refused(&contract(
        "",
        "",
        &[
            computed,
            "name: c, logicalType: string, transformLogic: lower(B)",
        ],
    ));
    assert!(
        error
            .to_string()
            .contains("column `c`: `transformLogic` names `b`, which is only computed"),
        "{error}"
    );

    let with_path = "name: b, logicalType: string, transformLogic: \"'x'\", customProperties: [{property: sourcePath, vendor: lakehouse, value: x}]";
    assert!(
        Contract::parse(&contract(
            "",
            "",
            &[
                with_path,
                "name: c, logicalType: string, transformLogic: lower(b)"
            ]
        ))
        .is_ok()
    );

    let texts = "name: a, logicalType: string, transformLogic: 'source.\"X\" || source.x'";
    assert!(
        refused(&contract("", "", &[texts]))
            .to_string()
            .contains("only in case")
    );
}

fn secret(more: &str) -> String {
    format!("name: hash, logicalType: string, classification: confidential, {more}")
}

const PSEUDONYMISE: &str =
    "{property: pseudonymise, vendor: lakehouse, value: {algorithm: hmac-sha-256, length: 64}}";

#[test]
fn a_classified_column_is_never_published_as_it_is() {
    let error = refused(&contract(
        "",
        "",
        &["name: a, logicalType: string, classification: confidential"],
    ));
    assert!(matches!(error, ContractError::Privacy(_)));
    assert!(
        error
            .to_string()
            .contains("column `a`: it is classified and would be published as it is"),
        "{error}"
    );
    for classification in ["public", "internal"] {
        let column = format!("{A}, classification: {classification}");
        assert!(
            !Contract::parse(&contract("", "", &[&column]))
                .unwrap()
                .columns[0]
                .classified
        );
    }
    let pseudonymised = secret(&format!("customProperties: [{PSEUDONYMISE}]"));
    assert!(
        Contract::parse(&contract("", "", &[&pseudonymised]))
            .unwrap()
            .columns[0]
            .classified
    );
}

#[test]
fn pseudonyms_are_made_as_documented() {
    let column = |kind: &str, value: &str| {
        contract(
            "",
            "",
            &[&format!(
                "name: a, logicalType: {kind}, classification: x, customProperties: [{{property: pseudonymise, vendor: lakehouse, value: {value}}}]"
            )],
        )
    };
    for (text, message) in [
        (
            column("string", "{algorithm: sha-256, length: 64}"),
            "`algorithm: hmac-sha-256`",
        ),
        (
            column("string", "{length: 64}"),
            "`algorithm: hmac-sha-256`",
        ),
        (
            column("string", "{algorithm: hmac-sha-256}"),
            "even `length`",
        ),
        (
            column("string", "{algorithm: hmac-sha-256, length: 15}"),
            "even `length`",
        ),
        (
            column("string", "{algorithm: hmac-sha-256, length: 66}"),
            "even `length`",
        ),
        (
            column("string", "{algorithm: hmac-sha-256, length: 64, key: abc}"),
            "unknown key `key`",
        ),
        (
            column("integer", "{algorithm: hmac-sha-256, length: 64}"),
            "a pseudonym is a text",
        ),
        (
            column(
                "string, physicalType: UUID",
                "{algorithm: hmac-sha-256, length: 64}",
            ),
            "a pseudonym is a text, and the column is UUID",
        ),
        (
            contract(
                "",
                "",
                &[&format!("{A}, customProperties: [{PSEUDONYMISE}]")],
            ),
            "has no `classification`",
        ),
    ] {
        let error = refused(&text);
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn only_classified_columns_read_what_a_classified_column_reads() {
    let email = "{property: sourcePath, vendor: lakehouse, value: client.email}";
    let by_path = secret(&format!("customProperties: [{PSEUDONYMISE}, {email}]"));
    let by_text = secret("transformLogic: 'left(source.\"client.email\", 1)'");
    let by_column = secret("transformLogic: 'left(mail, 1)'");
    let mail = format!("name: mail, logicalType: string, customProperties: [{email}]");
    let leak = |path: &str| {
        format!(
            "name: leak, logicalType: string, customProperties: [{{property: sourcePath, vendor: lakehouse, value: {path}}}]"
        )
    };
    let text_leak = |expression: &str| {
        format!("name: leak, logicalType: string, transformLogic: '{expression}'")
    };
    let cases: Vec<Vec<String>> = vec![
        vec![by_path.clone(), leak("client.email")],
        vec![leak("client.email"), by_path.clone()],
        vec![by_path.clone(), leak("CLIENT.Email")],
        vec![by_path.clone(), leak("client")],
        // In a CSV header both are `client.email`.
        vec![by_path.clone(), leak("[client.email]")],
        vec![by_path.clone(), leak("[client, email, domain]")],
        vec![by_path.clone(), leak("client.email.domain")],
        vec![by_path.clone(), text_leak("upper(source.\"client.email\")")],
        vec![by_path.clone(), text_leak("source[''client.email'']")],
        vec![by_path.clone(), text_leak("\"source\".\"client\"")],
        vec![by_path.clone(), text_leak("upper(HASH)")],
        vec![by_text.clone(), leak("client.email")],
        vec![by_text, text_leak("source.\"client.email\"")],
        vec![by_column.clone(), mail.clone()],
        vec![by_column, mail, text_leak("\"mail\" || 1")],
    ];
    for columns in cases {
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let error = refused(&contract("", "", &columns));
        assert!(matches!(error, ContractError::Privacy(_)), "{error}");
        assert!(
            error
                .to_string()
                .contains("is classified because column `hash` reads it"),
            "{error}"
        );
    }
    for path in ["client.emails", "clients", "email", "client.name"] {
        let columns = [by_path.as_str(), &leak(path)];
        let read = Contract::parse(&contract("", "", &columns)).unwrap();
        assert_eq!(read.showable_paths(), [path]);
    }
    let both = leak("client.email") + ", classification: restricted, transformLogic: upper(leak)";
    let read = Contract::parse(&contract("", "", &[&by_path, &both])).unwrap();
    assert!(read.showable_paths().is_empty());
}

#[test]
fn the_engines_answer_is_held_against_the_same_rules() {
    let references = |paths: &[&[&str]]| -> BTreeSet<Vec<String>> {
        paths
            .iter()
            .map(|path| path.iter().map(|part| (*part).to_owned()).collect())
            .collect()
    };
    let contract = Contract::parse(EVERYTHING).unwrap();
    for (column, paths) in [
        ("total", vec![vec!["quantity"], vec!["unit_price"]]),
        ("gift", vec![vec!["source", "options.gift"]]),
        ("birth_decade", vec![vec!["source", "client.born"]]),
        ("client", vec![vec!["client"]]),
    ] {
        let paths: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
        contract.check_reads(column, &references(&paths)).unwrap();
    }
    for (column, path, message) in [
        ("total", vec!["client"], "is classified"),
        (
            "total",
            vec!["source", "client.born"],
            "without naming a text",
        ),
        ("gift", vec!["source"], "without naming a text"),
        ("gift", vec!["total"], "is only computed"),
    ] {
        let error = contract
            .check_reads(column, &references(&[&path]))
            .unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
}
