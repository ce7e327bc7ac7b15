//! Which mart reads what: inputs that exist, windows that fit, no cycle.

use std::collections::{BTreeMap, BTreeSet};

use super::raw::ReadPipeline;
use super::{Input, Mart, Materialised, Pipeline, Window};
use crate::{ContractError, Name, Problems, suggest};

/// Tells why marts could not be built.
pub(super) fn check(read: &ReadPipeline, problems: &mut Problems) {
    let pipeline = &read.pipeline;
    for (name, mart) in &pipeline.marts {
        for (input, window) in &mart.reads {
            if read.broken.contains(&input.to_string()) {
                continue;
            }
            let checked = check_input(pipeline, mart, input, *window);
            problems.keep(checked.map_err(|error| {
                let error = error.within(format!("mart `{name}`"));
                match mart.reads_positions.get(input) {
                    Some(position) => error.at(*position),
                    None => error,
                }
            }));
        }
    }
    // The order of marts is known only where all their inputs are.
    if problems.count() == 0 {
        problems.keep(order(&pipeline.marts).map(|_| ()));
    }
}

fn check_input(
    pipeline: &Pipeline,
    mart: &Mart,
    input: &Input,
    window: Window,
) -> Result<(), ContractError> {
    match input {
        Input::Silver(dataset) if !pipeline.datasets.contains_key(dataset) => {
            Err(unknown(input, "dataset", pipeline.datasets.keys()))
        }
        Input::Silver(_) => check_dataset(mart, input, window),
        Input::Gold(name) => match pipeline.marts.get(name) {
            Some(read) => check_mart(mart, input, read, window),
            None => Err(unknown(input, "mart", pipeline.marts.keys())),
        },
    }
}

fn check_dataset(mart: &Mart, input: &Input, window: Window) -> Result<(), ContractError> {
    if window.is_of_state() {
        return Ok(());
    }
    let (message, hint) = match (mart.materialised, window) {
        (Materialised::Partition, Window::Day) => return Ok(()),
        (Materialised::Partition, window) => (
            format!("a partition mart cannot read `{input}` with the window `{window}`"),
            "use the window `day`; of what was known until then read `state`, or every version of it \
             as `history`, where the contract says `delivery: snapshot` or `changes`",
        ),
        (Materialised::Snapshot, Window::Day) => (
            format!("a snapshot mart cannot read a day of `{input}`"),
            "read `state` or `history` where the contract says `delivery: snapshot` or `changes`; let \
             a partition mart join a day with a state, and read that as `gold.<mart>`",
        ),
        (Materialised::Snapshot, _) => (
            format!("a snapshot mart cannot read `{input}`: it would read the whole history"),
            "let a partition mart make one small table a day of it, and read that as `gold.<mart>`; \
             or read `state` where the contract says `delivery: snapshot` or `changes`",
        ),
    };
    Err(ContractError::invalid(message).with_hint(hint))
}

fn check_mart(
    mart: &Mart,
    input: &Input,
    read: &Mart,
    window: Window,
) -> Result<(), ContractError> {
    if window.is_of_state() {
        return Err(ContractError::invalid(format!(
            "`{input}` has no {window}: only datasets have one"
        ))
        .with_hint(
            "a mart is of its date already: read it with a window, `day`, `7 days` or `all`",
        ));
    }
    if mart.materialised == Materialised::Partition && window != Window::Day {
        return Err(ContractError::invalid(format!(
            "a partition mart cannot read `{input}` with the window `{window}`"
        ))
        .with_hint("use the window `day`, or `materialised: snapshot`"));
    }
    if !mart.looks_back() && read.looks_back() {
        let what = match read.materialised {
            Materialised::Snapshot => "the snapshot mart ",
            Materialised::Partition => "",
        };
        let why = match read.materialised {
            Materialised::Snapshot => "",
            Materialised::Partition => ", which looks back",
        };
        return Err(ContractError::invalid(format!(
            "a partition mart cannot read {what}`{input}`{why}"
        ))
        .with_hint("a day would depend on the days before it; use `materialised: snapshot`"));
    }
    Ok(())
}

fn unknown<'a>(input: &Input, kind: &str, names: impl Iterator<Item = &'a Name>) -> ContractError {
    let (layer, name) = match input {
        Input::Silver(name) => ("silver", name),
        Input::Gold(name) => ("gold", name),
    };
    let known: Vec<&str> = names.map(Name::as_str).collect();
    ContractError::invalid(format!(
        "it reads `{layer}.{name}`, but there is no {kind} `{name}`"
    ))
    .with_hint(suggest::hint(name.as_str(), &known, &format!("{kind}s")))
}

/// The marts, each after those that it reads.
pub(super) fn order(marts: &BTreeMap<Name, Mart>) -> Result<Vec<Name>, ContractError> {
    let reads: BTreeMap<&Name, BTreeSet<&Name>> = marts
        .iter()
        .map(|(name, mart)| {
            let read = mart.reads.keys().filter_map(|input| match input {
                Input::Gold(read) => Some(read),
                Input::Silver(_) => None,
            });
            (name, read.collect())
        })
        .collect();
    let mut ordered: Vec<Name> = Vec::new();
    let mut done: BTreeSet<&Name> = BTreeSet::new();
    while done.len() < marts.len() {
        let next = reads.iter().find(|(name, read)| {
            !done.contains(*name) && read.iter().all(|read| done.contains(read))
        });
        let Some((name, _)) = next else {
            return Err(cycle(&reads, &done));
        };
        done.insert(name);
        ordered.push((*name).clone());
    }
    Ok(ordered)
}

/// Every mart that is left reads one that is left: following them must come back.
fn cycle(reads: &BTreeMap<&Name, BTreeSet<&Name>>, done: &BTreeSet<&Name>) -> ContractError {
    let mut path: Vec<&Name> = Vec::new();
    let mut at = reads.keys().find(|name| !done.contains(*name)).copied();
    while let Some(name) = at {
        if let Some(start) = path.iter().position(|seen| *seen == name) {
            path.drain(..start);
            path.push(name);
            break;
        }
        path.push(name);
        at = reads
            .get(name)
            .and_then(|read| read.iter().find(|read| !done.contains(*read)).copied());
    }
    let path: Vec<String> = path.iter().map(|name| format!("`{name}`")).collect();
    ContractError::invalid(format!(
        "marts read each other in a cycle: {}",
        path.join(" reads ")
    ))
    .with_hint("let one of them read `silver.<dataset>` instead")
}
