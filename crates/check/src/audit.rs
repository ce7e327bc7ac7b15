//! What is held against a staged dataset before anyone may read it.

use lakehouse_bind::EngineFailure;
use lakehouse_contract::audit_sql;
use lakehouse_contract::{Contract, Number, QualityKind, Severity};
use lakehouse_engine::{Session, SessionOptions, Value};
use lakehouse_stage::quality::Finding;
use lakehouse_stage::verdict;
use lakehouse_stage::{Context, StageError};

use crate::staged::{Staged, StagedObject};

/// The name under which a quality rule's `{model}` is bound.
const SCHEMA: &str = "staged";

/// Audits one dataset: an empty list is a pass.
///
/// # Errors
/// Engine failures, a quality rule's SQL that fails among them.
pub fn audit(context: &Context, staged: &Staged) -> Result<Vec<Finding>, StageError> {
    tokio::task::block_in_place(|| audit_blocking(context, staged))
}

fn audit_blocking(context: &Context, staged: &Staged) -> Result<Vec<Finding>, StageError> {
    let contract = &context.contracts[&staged.name];
    let session = Session::open(&SessionOptions {
        workspace: context.workspace.path().to_path_buf(),
        memory_limit_bytes: context.memory_limit_bytes,
        threads: context.threads,
        pseudonym_key: None,
    })
    .stage("open the engine")?;
    session
        .read_parquet_view(
            SCHEMA,
            staged.name.as_str(),
            std::slice::from_ref(&staged.data.path),
            None,
        )
        .stage("open the staged data file")?;
    session
        .define_run_date(context.date.date())
        .stage("define run_date()")?;
    session.lock().stage("lock the engine")?;

    let mut failures = verdict::judge(contract, &staged.report).failures;
    failures.extend(identity(context, &session, staged)?);
    failures.extend(conservation(&session, staged)?);
    let schema_failures = schema(&session, contract, &staged.data)?;
    let schema_holds = schema_failures.is_empty();
    failures.extend(schema_failures);
    // A rule's SQL names columns: without them it would fail as a configuration error.
    if schema_holds {
        failures.extend(quality_rules(context, &session, contract, staged)?);
    }
    Ok(failures)
}

/// The three objects belong together and to this dataset and day.
fn identity(
    context: &Context,
    session: &Session,
    staged: &Staged,
) -> Result<Vec<Finding>, StageError> {
    let key_values = session
        .parquet_key_values(&staged.data.path)
        .stage("read the data file's key-values")?;
    let expected = [
        ("lake.pipeline", context.pipeline.name.to_string()),
        ("lake.dataset", staged.name.to_string()),
        ("lake.date", context.date.to_string()),
        (
            "lake.contract_sha256",
            context.contracts[&staged.name].sha256.clone(),
        ),
        (
            "lake.quarantine",
            format!("{}.parquet", staged.quarantine.downloaded.sha256),
        ),
        (
            "lake.quality",
            format!("{}.json", staged.quality.downloaded.sha256),
        ),
    ];
    Ok(expected
        .into_iter()
        .filter_map(|(key, allowed)| {
            let measured = key_values.get(key).cloned().unwrap_or_default();
            (measured != allowed).then(|| Finding {
                rule: format!("identity of the staged objects: {key}"),
                measured,
                allowed,
            })
        })
        .collect())
}

/// `rows_read = rows_published + rows_quarantined + rows_duplicate`, and the files hold as many.
fn conservation(session: &Session, staged: &Staged) -> Result<Vec<Finding>, StageError> {
    let counts = &staged.report.counts;
    let mut failures = Vec::new();
    let mut compare = |rule: &str, measured: u64, allowed: u64| {
        if measured != allowed {
            failures.push(Finding {
                rule: rule.to_owned(),
                measured: measured.to_string(),
                allowed: allowed.to_string(),
            });
        }
    };
    compare(
        "conservation: rows published, quarantined and duplicate",
        counts.rows_published + counts.rows_quarantined + counts.rows_duplicate,
        counts.rows_read,
    );
    compare(
        "conservation: rows of data.parquet",
        session
            .parquet_rows(&staged.data.path)
            .stage("count rows")?,
        counts.rows_published,
    );
    compare(
        "conservation: rows of quarantine.parquet",
        session
            .parquet_rows(&staged.quarantine.path)
            .stage("count rows")?,
        counts.rows_quarantined + staged.report.unreadable_files.len() as u64,
    );
    Ok(failures)
}

/// The Parquet schema itself against the contract: an extra column is a privacy leak.
fn schema(
    session: &Session,
    contract: &Contract,
    data: &StagedObject,
) -> Result<Vec<Finding>, StageError> {
    let found = session
        .parquet_schema(&data.path)
        .stage("read the Parquet schema")?;
    let declared = contract.published_types();
    if found == declared {
        return Ok(Vec::new());
    }
    let mut failures: Vec<Finding> = declared
        .iter()
        .filter(|column| !found.contains(column))
        .map(|(name, column_type)| Finding {
            rule: format!("schema: column {name}"),
            measured: found
                .iter()
                .find(|(found_name, _)| found_name == name)
                .map_or_else(|| "absent".to_owned(), |(_, found_type)| found_type.clone()),
            allowed: column_type.clone(),
        })
        .collect();
    failures.extend(
        found
            .iter()
            .filter(|(name, _)| !declared.iter().any(|(other, _)| other == name))
            .map(|(name, column_type)| Finding {
                rule: format!("schema: column {name}"),
                measured: column_type.clone(),
                allowed: "absent, the contract does not name it".to_owned(),
            }),
    );
    if failures.is_empty() {
        let names = |columns: &[(String, String)]| {
            columns
                .iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        failures.push(Finding {
            rule: "schema: order of columns".to_owned(),
            measured: names(&found),
            allowed: names(&declared),
        });
    }
    Ok(failures)
}

/// The contract's quality rules: `error` refuses, `warning` is reported.
fn quality_rules(
    context: &Context,
    session: &Session,
    contract: &Contract,
    staged: &Staged,
) -> Result<Vec<Finding>, StageError> {
    let mut failures = Vec::new();
    let mut warnings = Vec::new();
    let model = format!(
        "{SCHEMA}.{}",
        lakehouse_contract::quote::identifier(staged.name.as_str())
    );
    for rule in &contract.quality {
        if let QualityKind::Sql { query } = &rule.kind {
            tracing::debug!(rule = %rule.name, query = %query, "quality rule");
        }
        let sql = audit_sql::quality_rule(rule, &model);
        let rows = session
            .query(&sql)
            .stage(&format!("quality rule `{}`", rule.name))?;
        let measured = rows
            .first()
            .and_then(|row| row.first())
            .cloned()
            .unwrap_or(Value::Null)
            .to_string();
        // What is no number, such as the sum of no rows, holds no bound.
        if measured
            .parse::<Number>()
            .is_ok_and(|number| audit_sql::bound_holds(&rule.bound, &number))
        {
            continue;
        }
        let failure = Finding {
            rule: format!("quality rule {}", rule.name),
            measured,
            allowed: audit_sql::describe_bound(&rule.bound),
        };
        match rule.severity {
            Severity::Error => failures.push(failure),
            Severity::Warning => {
                tracing::warn!(dataset = %staged.name, rule = %rule.name, measured = %failure.measured, allowed = %failure.allowed, "quality rule does not hold, severity warning");
                warnings.push(failure);
            }
        }
    }
    if !warnings.is_empty() {
        context
            .report
            .dataset(&staged.name)
            .set("warnings", serde_json::json!(warnings));
    }
    Ok(failures)
}
