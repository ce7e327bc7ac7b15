//! Whether a table is taken for a day, kept, or nothing to do.

use chrono::{DateTime, NaiveDateTime, Utc};
use lakehouse_contract::{RunDate, Take};
use lakehouse_stage::StageError;
use lakehouse_store::manifest::ManifestFile;

/// What is to be done for a dataset and a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Its rows are taken.
    Take {
        /// All rows, whatever day they are of.
        full: bool,
    },
    /// What is there is the day's.
    Keep,
    /// There is nothing, and nothing can be had any more.
    Nothing,
}

/// What is asked of a day.
pub(crate) struct Asked {
    pub refresh: bool,
    pub full: bool,
}

/// Decides. `files` are those of the day's manifest, where there is one; `bounds` are the day's in
/// UTC.
///
/// # Errors
/// What is asked for cannot be had: 2.
pub(crate) fn decide(
    take: &Take,
    date: &RunDate,
    bounds: (NaiveDateTime, NaiveDateTime),
    now: DateTime<Utc>,
    files: Option<&[ManifestFile]>,
    asked: &Asked,
) -> Result<Decision, StageError> {
    let (start, end) = (bounds.0.and_utc(), bounds.1.and_utc());
    if start > now {
        tracing::info!(date = %date, "nothing to do: the day has not begun");
        return Ok(Decision::Nothing);
    }
    if let Take::Day { .. } = take {
        return Ok(Decision::Take { full: asked.full });
    }
    if asked.full {
        return Err(StageError::usage(
            "`--full` is for datasets with `take: {day: …}`: `take: whole` takes all rows anyway",
        )
        .hint("leave it out, or name the datasets with `--dataset`"));
    }
    let is_open = now < end;
    // Closed days are a day long, but for changes of the clocks.
    let is_last_closed = !is_open && now - end < end - start;
    // Taken before the day was over, it is not the state at its end.
    let is_of_the_whole_day = |files: &[ManifestFile]| {
        files
            .iter()
            .map(|file| file.modified_at)
            .max()
            .is_some_and(|taken| taken >= end)
    };
    match files {
        _ if is_open => Ok(Decision::Take { full: false }),
        Some(_) if is_last_closed && asked.refresh => Ok(Decision::Take { full: false }),
        Some(_) if asked.refresh => Err(StageError::usage(format!(
            "`--refresh` cannot take the table again for {date}: it has changed since, and the past cannot be read"
        ))
        .hint("leave `--refresh` out: what was taken on that day is kept")),
        Some(files) if is_last_closed && !is_of_the_whole_day(files) => {
            Ok(Decision::Take { full: false })
        }
        Some(_) => Ok(Decision::Keep),
        None if is_last_closed => Ok(Decision::Take { full: false }),
        None => Ok(Decision::Nothing),
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Decision, decide};
    use chrono::{DateTime, Utc};
    use lakehouse_contract::Take;
    use lakehouse_stage::Exit;
    use lakehouse_store::manifest::ManifestFile;

    const TAKE: Decision = Decision::Take { full: false };

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn whole(now: &str, taken: Option<&str>, refresh: bool) -> Result<Decision, Exit> {
        let files = taken.map(|taken| {
            vec![ManifestFile {
                source_name: "part-00000-000.csv".to_owned(),
                object: "part-00000-000.csv".to_owned(),
                size_bytes: 1,
                sha256: String::new(),
                modified_at: time(taken),
                rows: Some(0),
            }]
        });
        let date = "2025-11-02".parse().unwrap();
        let asked = Asked {
            refresh,
            full: false,
        };
        let bounds = (
            time("2025-11-02T00:00:00Z").naive_utc(),
            time("2025-11-03T00:00:00Z").naive_utc(),
        );
        decide(
            &Take::Whole,
            &date,
            bounds,
            time(now),
            files.as_deref(),
            &asked,
        )
        .map_err(|error| error.exit)
    }

    #[test]
    fn a_whole_table_is_taken_once_when_the_day_is_over() {
        let next_day = "2025-11-03T02:00:00Z";
        assert_eq!(whole(next_day, None, false), Ok(TAKE));
        assert_eq!(
            whole(next_day, Some("2025-11-03T01:00:00Z"), false),
            Ok(Decision::Keep)
        );
        assert_eq!(
            whole(next_day, Some("2025-11-03T01:00:00Z"), true),
            Ok(TAKE)
        );
        // Taken while the day was open, it is not the state at its end.
        assert_eq!(
            whole("2025-11-02T12:00:00Z", Some("2025-11-02T11:00:00Z"), false),
            Ok(TAKE)
        );
        assert_eq!(
            whole(next_day, Some("2025-11-02T12:00:00Z"), false),
            Ok(TAKE)
        );
    }

    #[test]
    fn the_past_cannot_be_read_and_the_future_is_not_there() {
        let later = "2025-11-04T00:00:00Z";
        assert_eq!(whole(later, None, false), Ok(Decision::Nothing));
        assert_eq!(
            whole(later, Some("2025-11-03T01:00:00Z"), false),
            Ok(Decision::Keep)
        );
        assert_eq!(
            whole(later, Some("2025-11-03T01:00:00Z"), true),
            Err(Exit::Usage)
        );
        assert_eq!(
            whole("2025-11-01T23:59:59Z", None, false),
            Ok(Decision::Nothing)
        );
    }

    #[test]
    fn a_days_rows_can_be_taken_at_any_time() {
        let date = "2025-11-02".parse().unwrap();
        let column = "created_at".to_owned();
        let bounds = (
            time("2025-11-02T00:00:00Z").naive_utc(),
            time("2025-11-03T00:00:00Z").naive_utc(),
        );
        for full in [false, true] {
            let asked = Asked {
                refresh: false,
                full,
            };
            let column = column.clone();
            let decided = decide(
                &Take::Day { column },
                &date,
                bounds,
                time("2026-01-01T00:00:00Z"),
                None,
                &asked,
            );
            assert_eq!(decided, Ok(Decision::Take { full }));
        }
    }
}
