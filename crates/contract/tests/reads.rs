//! Marts that read states and histories: what they may read, and what is refused.

use std::collections::BTreeMap;

use lakehouse_contract::{BeforeFirst, Contract, Input, Name, Pipeline, Window};

const PIPELINE: &str = r#"
name: shop
datasets:
  users: {contract: contracts/users.odcs.yaml, from: /d, files: '{date:%Y-%m-%d}.csv', format: {csv: {}}}
  prices: {contract: contracts/prices.odcs.yaml, from: /d, files: '{date:%Y-%m-%d}.csv', format: {csv: {}}}
  orders: {contract: contracts/orders.odcs.yaml, from: /d, files: '{date:%Y-%m-%d}.csv', format: {csv: {}}}
marts:
  order_facts: {reads: {silver.orders: day, silver.users: {as: state, beforeFirst: first}, silver.prices: state}, grain: [a]}
  user_versions: {reads: {silver.users: history}, grain: [a], materialised: snapshot}
  users_now: {reads: {silver.users: state}, grain: [a], materialised: snapshot}
  daily: {reads: {silver.orders: day}, grain: [a]}
  totals: {reads: {gold.order_facts: day, gold.daily: all}, grain: [a], materialised: snapshot}
  facts_by_user: {reads: {gold.order_facts: day, silver.users: state}, grain: [a]}
"#;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn contract(dataset: &str, delivery: &str, more: &str) -> (Name, Contract) {
    let text = format!(
        "apiVersion: v3.2.0\nkind: DataContract\nid: a\nversion: 1.0.0\nschema:\n- name: {dataset}\n  \
         customProperties:\n  - {{property: delivery, vendor: lakehouse, value: {delivery}}}\n  \
         - {{property: dedupe, vendor: lakehouse, value: {{by: key, orderBy: [at]}}}}\n  properties:\n  \
         - {{name: id, logicalType: string, primaryKey: true}}\n  - {{name: at, logicalType: timestamp}}\n{more}"
    );
    (name(dataset), Contract::parse(&text).unwrap())
}

fn contracts() -> BTreeMap<Name, Contract> {
    BTreeMap::from([
        contract("users", "changes", ""),
        contract("prices", "snapshot", ""),
        contract("orders", "event", ""),
    ])
}

#[test]
fn states_and_histories_are_read() {
    let pipeline = Pipeline::parse(PIPELINE).unwrap();
    let facts = &pipeline.marts[&name("order_facts")];
    let window = |input: &str| facts.reads[&Input::Silver(name(input))];
    assert_eq!(window("users"), Window::State(BeforeFirst::First));
    assert_eq!(window("prices"), Window::State(BeforeFirst::Empty));
    assert_eq!(window("orders"), Window::Day);
    assert_eq!(
        pipeline.marts[&name("user_versions")].reads[&Input::Silver(name("users"))],
        Window::History
    );
    let looking_back: Vec<&str> = pipeline
        .marts
        .iter()
        .filter(|(_, mart)| mart.looks_back())
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(
        looking_back,
        [
            "facts_by_user",
            "order_facts",
            "totals",
            "user_versions",
            "users_now"
        ]
    );
    assert_eq!(pipeline.judge_states(&contracts()), []);
}

#[test]
fn what_has_no_state_is_refused() {
    let orders = PIPELINE.replacen("silver.prices: state", "silver.orders: state", 1);
    let orders = orders.replacen("{silver.orders: day, ", "{", 1);
    let problems = Pipeline::parse(&orders).unwrap().judge_states(&contracts());
    assert_eq!(problems.len(), 1, "{problems:?}");
    let error = &problems[0];
    assert!(
        error.to_string().starts_with(
            "mart `order_facts`: `silver.orders` has no state: its contract says `delivery: event`"
        ),
        "{error}"
    );
    assert_eq!(error.line(), Some(8));
    assert!(error.hint().unwrap().contains("contracts/orders.odcs.yaml"));

    // What `history` adds cannot be in the contract as well.
    let mut contracts = contracts();
    contracts.extend([contract(
        "users",
        "changes",
        "  - {name: Run_Date, logicalType: date}\n",
    )]);
    let problems = Pipeline::parse(PIPELINE).unwrap().judge_states(&contracts);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].to_string().contains("`Run_Date`"));
    assert!(problems[0].hint().unwrap().contains("`sourcePath`"));

    // A dataset whose contract is not sound is judged elsewhere.
    contracts.remove(&name("users"));
    assert_eq!(
        Pipeline::parse(PIPELINE).unwrap().judge_states(&contracts),
        []
    );
}

#[test]
fn what_cannot_be_read_is_refused() {
    for (from, to, message) in [
        (
            "silver.users: history",
            "silver.users: 3 days",
            "a snapshot mart cannot read `silver.users`",
        ),
        (
            "silver.prices: state",
            "silver.prices: 3 days",
            "a partition mart cannot read `silver.prices` with the window `3 days`",
        ),
        (
            "silver.users: history",
            "silver.users: day",
            "a snapshot mart cannot read a day of `silver.users`",
        ),
        (
            "silver.users: history",
            "silver.users: [state]",
            "is not a window",
        ),
        (
            "silver.users: history",
            "silver.users: states",
            "`states` is not a window",
        ),
        (
            "beforeFirst: first",
            "beforeFirst: newest",
            "`newest` is not a value of `beforeFirst`",
        ),
        (
            "beforeFirst: first",
            "beforeFrist: first",
            "unknown key `beforeFrist` in a window",
        ),
        (
            "{as: state, beforeFirst: first}",
            "{beforeFirst: first}",
            "a window does not say what it is",
        ),
        (
            "{as: state, beforeFirst: first}",
            "{as: history, beforeFirst: first}",
            "`beforeFirst` has no effect on `history`",
        ),
        (
            "{as: state, beforeFirst: first}",
            "{as: state, window: 3 days}",
            "unknown key `window` in a window",
        ),
        (
            "gold.daily: all",
            "gold.daily: state",
            "`gold.daily` has no state: only datasets have one",
        ),
        (
            "{gold.order_facts: day, silver.users: state}, grain: [a]",
            "{gold.order_facts: day}, grain: [a]",
            "a partition mart cannot read `gold.order_facts`, which looks back",
        ),
        (
            "daily: {reads: {silver.orders: day}",
            "daily: {reads: {gold.users_now: day}",
            "a partition mart cannot read the snapshot mart `gold.users_now`",
        ),
    ] {
        assert!(PIPELINE.contains(from), "{from}");
        let error = Pipeline::parse(&PIPELINE.replacen(from, to, 1)).expect_err(to);
        assert!(
            error.to_string().contains(message),
            "{error}\n--- expected: {message}"
        );
        assert!(error.to_string().starts_with("mart `"), "{error}");
        assert!(error.line().is_some(), "{error}");
        assert!(error.hint().is_some_and(|hint| !hint.is_empty()), "{error}");
    }
}
