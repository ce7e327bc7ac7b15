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

#[cfg(test)]
mod tests {
    use lakehouse_contract::Contract;

    use super::judge;
    use crate::quality::{AbsentColumn, Counts, QualityReport, UnreadableFile};

    fn contract(property: &str) -> Contract {
        Contract::parse(&format!(
            "apiVersion: v3.2.0\nkind: DataContract\nid: test\nversion: 1.0.0\nschema:\n- name: test\n  \
             customProperties: [{property}]\n  properties:\n  - {{name: a, logicalType: string}}\n"
        ))
        .unwrap()
    }

    fn report(rows_repaired: u64) -> QualityReport {
        QualityReport {
            counts: Counts {
                rows_read: 200,
                rows_published: 200,
                ..Counts::default()
            },
            files: 3,
            rows_repaired,
            ..QualityReport::default()
        }
    }

    #[test]
    fn repairs_are_bounded_where_the_contract_says_so() {
        let bounded = contract("{property: maxRepaired, vendor: lakehouse, value: 2.5}");
        assert!(judge(&bounded, &report(5)).accepted);
        let refused = judge(&bounded, &report(6));
        assert!(!refused.accepted);
        assert_eq!(refused.failures[0].measured, "3.000 % (6 of 200)");
        assert_eq!(refused.failures[0].allowed, "2.5 %");
        assert!(judge(&contract(""), &report(200)).accepted);
    }

    #[test]
    fn absent_columns_are_a_warning_and_files_say_the_byte() {
        let mut report = report(0);
        report.absent_columns.push(AbsentColumn {
            column: "note".to_owned(),
            files: 2,
        });
        for (position, byte) in [(Some(4), Some(70)), (None, None)] {
            report.unreadable_files.push(UnreadableFile {
                source_name: "a.csv".to_owned(),
                sha256: String::new(),
                position,
                byte,
                reason: "broken".to_owned(),
            });
        }
        let verdict = judge(&contract(""), &report);
        assert_eq!(verdict.warnings[0].measured, "`note` in 2 of 3 files");
        assert_eq!(verdict.failures[0].measured, "2");
        assert_eq!(
            report.reasons(),
            [
                "`a.csv:4` cannot be read: broken (byte 70)",
                "`a.csv` cannot be read: broken"
            ]
        );
    }
}
