//! From the text of a key back to what it is.

use chrono::NaiveDateTime;
use lakehouse_contract::{Name, RunDate};

use crate::key::{
    DATA_NAME, DATA_STEM, DATED_FORMAT, Key, MANIFEST_NAME, REFUSED, REPORTS, STATES, StagedFile,
};
use crate::layout::Place;
use crate::run_id;

impl Key {
    /// The key that has this relative key below this place, when there is one.
    pub(crate) fn parse(place: Place, relative: &str) -> Option<Self> {
        match place {
            Place::Bronze => parse_bronze(relative),
            Place::Staging => parse_staging(relative),
            Place::Silver => {
                let (pipeline, dataset, date, rest) = parse_partition(relative)?;
                (rest == DATA_NAME).then_some(Self::SilverData {
                    pipeline,
                    dataset,
                    date,
                })
            }
            Place::Quarantine => parse_quarantine(relative),
            Place::Gold => parse_gold(relative),
        }
    }
}

fn parse_partition(relative: &str) -> Option<(Name, Name, RunDate, &str)> {
    let mut segments = relative.splitn(6, '/');
    let pipeline = segments.next()?.parse().ok()?;
    let dataset = segments.next()?.parse().ok()?;
    let folders = [segments.next()?, segments.next()?, segments.next()?].join("/");
    let date = RunDate::parse_partition(&folders)?;
    Some((
        pipeline,
        dataset,
        date,
        segments.next().filter(|rest| !rest.is_empty())?,
    ))
}

fn parse_bronze(relative: &str) -> Option<Key> {
    let (pipeline, dataset, date, object) = parse_partition(relative)?;
    Some(if object == MANIFEST_NAME {
        Key::BronzeManifest {
            pipeline,
            dataset,
            date,
        }
    } else {
        Key::BronzeObject {
            pipeline,
            dataset,
            date,
            object: object.to_owned(),
        }
    })
}

fn parse_staging(relative: &str) -> Option<Key> {
    if let Some(rest) = relative.strip_prefix(STATES) {
        return parse_kept_state(rest.strip_prefix('/')?);
    }
    let (reports, rest) = match relative.strip_prefix(REPORTS) {
        Some(rest) => (true, rest.strip_prefix('/')?),
        None => (false, relative),
    };
    let segments: Vec<&str> = rest.split('/').collect();
    let (pipeline, date, run_id, last) = match segments.as_slice() {
        [pipeline, date, run_id, last @ ..] => (
            pipeline.parse().ok()?,
            date.parse().ok()?,
            run_id::decode(run_id)?,
            last,
        ),
        _ => return None,
    };
    match (reports, last) {
        (true, [file]) => {
            let stage = file
                .strip_suffix(".json")
                .filter(|stage| !stage.is_empty())?
                .to_owned();
            Some(Key::RunReport {
                pipeline,
                date,
                run_id,
                stage,
            })
        }
        (false, [dataset, file]) => {
            let file = StagedFile::from_file_name(file)?;
            Some(Key::Staged {
                pipeline,
                date,
                run_id,
                dataset: dataset.parse().ok()?,
                file,
            })
        }
        _ => None,
    }
}

fn parse_kept_state(relative: &str) -> Option<Key> {
    let mut segments = relative.splitn(3, '/');
    Some(Key::KeptState {
        pipeline: segments.next()?.parse().ok()?,
        dataset: segments.next()?.parse().ok()?,
        date: segments.next()?.strip_suffix(".parquet")?.parse().ok()?,
    })
}

fn parse_quarantine(relative: &str) -> Option<Key> {
    let (pipeline, dataset, date, rest) = parse_partition(relative)?;
    let (refused, name) = match rest.split_once('/') {
        Some((REFUSED, name)) => (true, name),
        Some(_) => return None,
        None => (false, rest),
    };
    let (sha256, extension) = name.split_once('.')?;
    let is_sha256 = sha256.len() == 64
        && sha256
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_sha256 && matches!(extension, "parquet" | "json" | "profile.json")).then(|| {
        Key::Quarantine {
            pipeline,
            dataset,
            date,
            refused,
            sha256: sha256.to_owned(),
            extension: extension.to_owned(),
        }
    })
}

fn parse_gold(relative: &str) -> Option<Key> {
    if let Some((pipeline, mart, date, rest)) = parse_partition(relative) {
        if rest == DATA_NAME {
            return Some(Key::GoldData {
                pipeline,
                mart,
                date,
            });
        }
        let extension = rest.strip_prefix(DATA_STEM)?.strip_prefix('.')?;
        return is_extension(extension).then(|| Key::GoldFormat {
            pipeline,
            mart,
            date,
            extension: extension.to_owned(),
        });
    }
    let segments: Vec<&str> = relative.split('/').collect();
    let [pipeline, mart, file] = segments.as_slice() else {
        return None;
    };
    let (time, extension) = file
        .strip_prefix(mart)?
        .strip_prefix('_')?
        .split_once('.')?;
    let logical_time = NaiveDateTime::parse_from_str(time, DATED_FORMAT).ok()?;
    // The same text must come out again, or two keys would parse as one.
    (is_extension(extension) && logical_time.format(DATED_FORMAT).to_string() == time).then_some(
        Key::GoldDated {
            pipeline: pipeline.parse().ok()?,
            mart: mart.parse().ok()?,
            logical_time,
            extension: extension.to_owned(),
        },
    )
}

fn is_extension(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}
