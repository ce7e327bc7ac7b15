//! The verdict over a partition, from its counts alone: silver writes it into the quality
//! report, check judges by the same function again and adds what needs the data itself.

use lakehouse_contract::{Contract, OnUnreadableFile, OnViolation, UnknownColumns};

use crate::quality::{Finding, QualityReport, Verdict};

/// Holds the counts of a partition against its contract.
#[must_use]
pub fn judge(contract: &Contract, report: &QualityReport) -> Verdict {
    let counts = &report.counts;
    let mut failures = Vec::new();
    let mut warnings = Vec::new();
    let finding = |rule: &str, measured: String, allowed: String| Finding {
        rule: rule.to_owned(),
        measured,
        allowed,
    };

    if !report.unreadable_files.is_empty() {
        // Which they are, and why, the report says beside its verdict.
        let found = finding(
            "onUnreadableFile: files that cannot be read",
            report.unreadable_files.len().to_string(),
            "0".to_owned(),
        );
        match contract.on_unreadable_file {
            OnUnreadableFile::Fail => failures.push(found),
            OnUnreadableFile::Quarantine => warnings.push(found),
        }
    }
    if counts.rows_published == 0 && !contract.allow_empty {
        failures.push(finding(
            "allowEmpty: rows published",
            "0".to_owned(),
            "at least 1".to_owned(),
        ));
    }
    if counts.rows_quarantined > 0 && contract.on_violation == OnViolation::Fail {
        failures.push(finding(
            "onViolation: rows quarantined",
            counts.rows_quarantined.to_string(),
            "0".to_owned(),
        ));
    }
    let percent = counts.quarantined_percent();
    if percent > contract.max_quarantined_percent {
        failures.push(finding(
            "maxQuarantined: share of rows quarantined",
            format!(
                "{percent:.3} % ({} of {})",
                counts.rows_quarantined, counts.rows_read
            ),
            format!("{} %", contract.max_quarantined_percent),
        ));
    }
    if let Some(allowed) = contract.max_repaired_percent {
        let (repaired, published) = (report.rows_repaired, counts.rows_published);
        let percent = repaired as f64 * 100.0 / published.max(1) as f64;
        if percent > allowed {
            failures.push(finding(
                "maxRepaired: share of published rows repaired",
                format!("{percent:.3} % ({repaired} of {published})"),
                format!("{allowed} %"),
            ));
        }
    }
    if !report.absent_columns.is_empty() {
        let columns: Vec<String> = report
            .absent_columns
            .iter()
            .map(|absent| {
                format!(
                    "`{}` in {} of {} files",
                    absent.column, absent.files, report.files
                )
            })
            .collect();
        warnings.push(finding(
            "absentColumns: columns that files lack",
            columns.join(", "),
            "none".to_owned(),
        ));
    }
    if !report.discarded_columns.is_empty() && contract.unknown_columns == UnknownColumns::Fail {
        let names: Vec<String> = report
            .discarded_columns
            .iter()
            .map(|column| format!("`{}`", column.name))
            .collect();
        failures.push(finding(
            "unknownColumns: columns not in the contract",
            names.join(", "),
            "none".to_owned(),
        ));
    }
    Verdict {
        accepted: failures.is_empty(),
        failures,
        warnings,
    }
}
