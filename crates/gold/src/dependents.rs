//! Marts that read what was built, and are stale since.

use std::collections::{BTreeMap, BTreeSet};

use lakehouse_contract::{Name, RunDate};
use lakehouse_stage::{Context, StageError};

use crate::marts::Marts;
use crate::plan::{self, Planned, Question};
use crate::published::Published;

/// The instances of a plan, by mart.
#[must_use]
pub fn instances(plan: &[Planned<'_>]) -> BTreeMap<Name, BTreeSet<RunDate>> {
    let mut instances: BTreeMap<Name, BTreeSet<RunDate>> = BTreeMap::new();
    for Planned { instance, .. } in plan {
        instances
            .entry(instance.mart.name.clone())
            .or_default()
            .insert(instance.date);
    }
    instances
}

/// The instances that depend on those of these dates and are stale; with `with_missing` also
/// those that were never built for one of the dates. What is in `changed` counts as changed,
/// whatever is published of it.
///
/// # Errors
/// Store failures.
pub async fn stale<'a>(
    marts: &'a Marts,
    dates: BTreeSet<RunDate>,
    with_missing: bool,
    changed: BTreeMap<Name, BTreeSet<RunDate>>,
    published: &mut Published<'_>,
) -> Result<Vec<Planned<'a>>, StageError> {
    let question = Question {
        marts: marts.dependents(),
        dependents_of: Some(dates),
        with_missing,
        changed,
    };
    plan::stale(question, published).await
}

/// Names stale dependents in the log and in the run report.
pub fn name(context: &Context, dependents: &[Planned<'_>]) {
    let by_mart = instances(dependents);
    if by_mart.is_empty() {
        return;
    }
    let listed: serde_json::Map<String, serde_json::Value> = by_mart
        .iter()
        .map(|(mart, dates)| {
            let dates: Vec<String> = dates.iter().map(RunDate::to_string).collect();
            (mart.to_string(), dates.into())
        })
        .collect();
    let names: Vec<&str> = by_mart.keys().map(Name::as_str).collect();
    tracing::warn!(
        marts = names.join(", "),
        "marts that depend on what was built are stale now: --with-dependents builds them, and so does --stale"
    );
    context.report.set("stale_dependents", listed);
}
