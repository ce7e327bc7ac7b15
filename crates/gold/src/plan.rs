//! Which instances a run builds, in an order in which each comes after those that it reads: by
//! date, and within a date by dependency.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDateTime;
use lakehouse_bind::BoundMart;
use lakehouse_contract::{Input, Name, RunDate};
use lakehouse_stage::{Context, Exit, StageError};

use crate::instance::{Instance, Pins};
use crate::publish;
use crate::published::{Published, data_address};
use crate::state::partitions_seen;

/// An instance to build.
#[derive(Debug, Clone)]
pub struct Planned<'a> {
    /// The instance.
    pub instance: Instance<'a>,
    /// By what the published one was made: where its inputs turn out to be the same, nothing is
    /// done. None builds in any case.
    pub made_by: Option<String>,
}

/// The instances of one date, whatever is published.
#[must_use]
pub fn one_day<'a>(marts: &[&'a BoundMart], date: RunDate) -> Vec<Planned<'a>> {
    marts
        .iter()
        .map(|mart| Planned {
            instance: Instance { mart, date },
            made_by: None,
        })
        .collect()
}

/// The instances of every day from `first` to the run date on which one of their inputs is
/// published.
///
/// # Errors
/// A range that ends before it begins (exit 2), store failures.
pub async fn range<'a>(
    context: &Context,
    marts: &[&'a BoundMart],
    first: RunDate,
    published: &mut Published<'_>,
) -> Result<Vec<Planned<'a>>, StageError> {
    if first > context.date {
        return Err(StageError::new(
            Exit::Usage,
            format!("--from {first} is after --date {}", context.date),
        )
        .hint("--from is the first day of the range and --date its last"));
    }
    let mut plan = Vec::new();
    let mut planned: BTreeMap<&Name, BTreeSet<RunDate>> = BTreeMap::new();
    for &mart in marts {
        let mut days = BTreeSet::new();
        for input in mart.definition.reads.keys() {
            days.extend(published.dates(input).await?);
            if let Input::Gold(name) = input {
                days.extend(planned.get(name).into_iter().flatten());
            }
        }
        days.retain(|date| (first..=context.date).contains(date));
        plan.extend(one_mart(mart, &days));
        planned.insert(&mart.name, days);
    }
    plan.sort_by_key(|planned| planned.instance.date);
    Ok(plan)
}

fn one_mart<'a>(mart: &'a BoundMart, days: &BTreeSet<RunDate>) -> Vec<Planned<'a>> {
    days.iter()
        .map(|date| Planned {
            instance: Instance { mart, date: *date },
            made_by: None,
        })
        .collect()
}

/// What is asked of [`stale`].
#[derive(Debug, Default)]
pub struct Question<'a> {
    /// The marts that are looked at, in dependency order.
    pub marts: Vec<&'a BoundMart>,
    /// Only instances that could depend on what was built for these dates: those of the dates, and
    /// later ones of marts that look back.
    pub dependents_of: Option<BTreeSet<RunDate>>,
    /// Whether instances that are missing for such a date are built, too.
    pub with_missing: bool,
    /// Instances that count as changed, whatever is published of them.
    pub changed: BTreeMap<Name, BTreeSet<RunDate>>,
}

/// The instances that were made from other inputs, or by another definition, than now, and those
/// that read one of them; besides, those of marts that look back which are missing for a day that
/// has an input.
///
/// An instance none of whose inputs is published any more on its date, or one whose inputs have
/// been removed since, is left as it is, and said: the lake itself never removes a partition, and
/// what was kept longer than its inputs must not become empty.
///
/// # Errors
/// Store failures.
pub async fn stale<'a>(
    question: Question<'a>,
    published: &mut Published<'_>,
) -> Result<Vec<Planned<'a>>, StageError> {
    let mut candidates: Vec<Instance<'a>> = Vec::new();
    let mut dates_of: BTreeMap<&Name, BTreeSet<RunDate>> = BTreeMap::new();
    for &mart in &question.marts {
        let dates = candidate_dates(mart, &question, &dates_of, published).await?;
        candidates.extend(dates.iter().map(|&date| Instance { mart, date }));
        dates_of.insert(&mart.name, dates);
    }
    candidates.sort_by_key(|instance| instance.date);
    let mut wanted = Vec::new();
    for instance in &candidates {
        wanted.push((Input::Gold(instance.mart.name.clone()), instance.date));
        for (input, days) in partitions_by_input(instance, published, &BTreeMap::new()).await? {
            wanted.extend(days.into_iter().map(|date| (input.clone(), date)));
        }
    }
    published.look(wanted).await?;

    let mut changed = question.changed;
    let mut plan = Vec::new();
    for instance in candidates {
        let mut pins = Pins::new();
        for (input, days) in partitions_by_input(&instance, published, &changed).await? {
            let pinned = days.into_iter().filter_map(|date| {
                match published.partition(&input, date) {
                    Some(partition) => Some((date, partition.sha256.clone())),
                    // It is about to be built: what it will be is not known yet.
                    None => is_changed(&changed, &input, date).then(|| (date, String::new())),
                }
            });
            pins.insert(input.clone(), pinned.collect());
        }
        let own = Input::Gold(instance.mart.name.clone());
        let built = published.partition(&own, instance.date);
        let made_by = built.and_then(|partition| partition.fingerprint.clone());
        let reads_changed = pins.iter().any(|(input, days)| {
            days.iter()
                .any(|(date, _)| is_changed(&changed, input, *date))
        });
        if built.is_some()
            && made_by.as_ref() == Some(&instance.fingerprint(&pins))
            && !reads_changed
        {
            continue;
        }
        let absent = instance.absent_inputs(&pins);
        let were_absent = built.and_then(|partition| partition.absent_inputs.as_ref());
        let removed: Vec<&String> = absent
            .iter()
            .filter(|input| were_absent.is_some_and(|absent| !absent.contains(input)))
            .collect();
        if !instance.has_own_day(&pins) || !removed.is_empty() {
            if built.is_some() {
                tracing::warn!(
                    mart = %instance.mart.name,
                    date = %instance.date,
                    absent_inputs = absent.join(", "),
                    "inputs that it was made from are no longer published; it is left as it is"
                );
            }
            continue;
        }
        changed
            .entry(instance.mart.name.clone())
            .or_default()
            .insert(instance.date);
        plan.push(Planned { instance, made_by });
    }
    Ok(plan)
}

/// The dates on which an instance may be stale.
async fn candidate_dates(
    mart: &BoundMart,
    question: &Question<'_>,
    candidates: &BTreeMap<&Name, BTreeSet<RunDate>>,
    published: &mut Published<'_>,
) -> Result<BTreeSet<RunDate>, StageError> {
    let own = Input::Gold(mart.name.clone());
    let mut dates = published.dates(&own).await?.clone();
    if mart.definition.looks_back() {
        for input in mart.definition.reads.keys() {
            dates.extend(published.dates(input).await?);
            // What is missing of an input may be built as well.
            if let Input::Gold(name) = input {
                dates.extend(candidates.get(name).into_iter().flatten());
            }
        }
    }
    let Some(changed) = &question.dependents_of else {
        return Ok(dates);
    };
    if question.with_missing {
        dates.extend(changed);
    }
    let first = changed.first();
    dates.retain(|date| match mart.definition.looks_back() {
        true => first.is_some_and(|first| date >= first),
        false => changed.contains(date),
    });
    Ok(dates)
}

/// The partitions that an instance reads: its own day of an input that is read for a day, and of
/// one that is looked back at those of the window that are published or were changed by this run;
/// of a state or a history, those that it is made of.
///
/// # Errors
/// Store failures.
pub async fn partitions_by_input(
    instance: &Instance<'_>,
    published: &mut Published<'_>,
    changed: &BTreeMap<Name, BTreeSet<RunDate>>,
) -> Result<Vec<(Input, BTreeSet<RunDate>)>, StageError> {
    let mut partitions = Vec::new();
    for (input, window) in &instance.mart.definition.reads {
        if window.is_of_state() {
            let dates = published.dates(input).await?;
            let seen = partitions_seen(*window, instance.rule(input), dates, instance.date);
            partitions.push((input.clone(), seen));
            continue;
        }
        let days = instance.days(*window);
        let mut dates = BTreeSet::from([instance.date]);
        if !days.is_one_day() {
            dates.extend(published.dates(input).await?);
            if let Input::Gold(name) = input {
                dates.extend(changed.get(name).into_iter().flatten());
            }
            dates.retain(|date| days.contains(date));
        }
        partitions.push((input.clone(), dates));
    }
    Ok(partitions)
}

fn is_changed(changed: &BTreeMap<Name, BTreeSet<RunDate>>, input: &Input, date: RunDate) -> bool {
    match input {
        Input::Gold(name) => changed.get(name).is_some_and(|dates| dates.contains(&date)),
        Input::Silver(_) => false,
    }
}

/// Says what a run of the plan would read and write.
///
/// # Errors
/// Store failures.
pub async fn show(
    context: &Context,
    plan: &[Planned<'_>],
    logical_time: Option<NaiveDateTime>,
    published: &mut Published<'_>,
) -> Result<Exit, StageError> {
    let mut made: BTreeSet<(Input, RunDate)> = BTreeSet::new();
    let mut read: BTreeSet<(Input, RunDate)> = BTreeSet::new();
    for Planned { instance, .. } in plan {
        for (input, dates) in partitions_by_input(instance, published, &BTreeMap::new()).await? {
            read.extend(dates.into_iter().map(|date| (input.clone(), date)));
        }
        made.insert((Input::Gold(instance.mart.name.clone()), instance.date));
    }
    published.look(read.difference(&made).cloned()).await?;
    for (input, date) in read.difference(&made) {
        let address = data_address(context, input, date);
        match (published.partition(input, *date), input) {
            (Some(_), _) => context.would_read(address),
            (None, Input::Silver(_)) => context.would_read(format!("{address} (after check)")),
            (None, Input::Gold(_)) => {}
        }
    }
    for Planned { instance, .. } in plan {
        publish::would_write(context, instance, logical_time);
    }
    Ok(Exit::Done)
}
