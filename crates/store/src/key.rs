//! Every kind of object that the lakehouse writes, as a type.
//!
//! Keys are put together and taken apart here and in [`Layout`](crate::Layout), nowhere else.

use chrono::NaiveDateTime;
use lakehouse_contract::{Name, RunDate};

/// What silver stages of one dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StagedFile {
    /// The rows to publish.
    Data,
    /// The rejected rows.
    Quarantine,
    /// The quality report.
    Quality,
    /// Distinct counts and quantiles, when asked for.
    Profile,
}

impl StagedFile {
    /// All of them, in the order in which silver writes them but for `Data`, which is last.
    pub const ALL: [Self; 4] = [Self::Quarantine, Self::Profile, Self::Quality, Self::Data];

    /// The object's name below its dataset.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Data => "data.parquet",
            Self::Quarantine => "quarantine.parquet",
            Self::Quality => "quality.json",
            Self::Profile => "profile.json",
        }
    }

    fn from_file_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|file| file.file_name() == name)
    }
}

/// One object of the lakehouse, by what it is. Its fields are what the words of the
/// architecture say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "fields named by the words of the architecture")]
pub enum Key {
    /// A source file's copy; `object` is its name below the partition.
    BronzeObject { pipeline: Name, dataset: Name, date: RunDate, object: String },
    /// The list of a bronze partition's objects.
    BronzeManifest { pipeline: Name, dataset: Name, date: RunDate },
    /// What silver put aside for check.
    Staged { pipeline: Name, date: RunDate, run_id: String, dataset: Name, file: StagedFile },
    /// What a stage said about a run.
    RunReport { pipeline: Name, date: RunDate, run_id: String, stage: String },
    /// A published partition of a dataset.
    SilverData { pipeline: Name, dataset: Name, date: RunDate },
    /// A quarantine file (`parquet`) or a report (`json`), named by its content.
    Quarantine {
        pipeline: Name,
        dataset: Name,
        date: RunDate,
        /// Whether it is the evidence of a day that check refused.
        refused: bool,
        /// The SHA-256 of its content.
        sha256: String,
        extension: String,
    },
    /// A published partition of a mart.
    GoldData { pipeline: Name, mart: Name, date: RunDate },
    /// The same rows in another format.
    GoldFormat { pipeline: Name, mart: Name, date: RunDate, extension: String },
    /// The same rows under a dated name.
    GoldDated { pipeline: Name, mart: Name, logical_time: NaiveDateTime, extension: String },
}

/// The name of a manifest; no source file may have it.
pub(crate) const MANIFEST_NAME: &str = "_manifest.json";
const DATA_STEM: &str = "data";
const DATA_NAME: &str = "data.parquet";
const REFUSED: &str = "refused";
const REPORTS: &str = "_reports";
const DATED_FORMAT: &str = "%Y%m%dT%H%M%S";

/// Which of the five places a key belongs to, and the key below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Below {
    Bronze,
    Staging,
    Silver,
    Quarantine,
    Gold,
}

impl Key {
    /// The place, and the key relative to it.
    pub(crate) fn relative(&self) -> (Below, String) {
        match self {
            Self::BronzeObject { pipeline, dataset, date, object } => {
                (Below::Bronze, format!("{}/{object}", partition(pipeline, dataset, date)))
            }
            Self::BronzeManifest { pipeline, dataset, date } => {
                (Below::Bronze, format!("{}/{MANIFEST_NAME}", partition(pipeline, dataset, date)))
            }
            Self::Staged { pipeline, date, run_id, dataset, file } => (
                Below::Staging,
                format!("{}/{dataset}/{}", run(pipeline, date, run_id), file.file_name()),
            ),
            Self::RunReport { pipeline, date, run_id, stage } => (
                Below::Staging,
                format!("{REPORTS}/{}/{stage}.json", run(pipeline, date, run_id)),
            ),
            Self::SilverData { pipeline, dataset, date } => {
                (Below::Silver, format!("{}/{DATA_NAME}", partition(pipeline, dataset, date)))
            }
            Self::Quarantine { pipeline, dataset, date, refused, sha256, extension } => {
                let folder = if *refused { "refused/" } else { "" };
                let partition = partition(pipeline, dataset, date);
                (Below::Quarantine, format!("{partition}/{folder}{sha256}.{extension}"))
            }
            Self::GoldData { pipeline, mart, date } => {
                (Below::Gold, format!("{}/{DATA_NAME}", partition(pipeline, mart, date)))
            }
            Self::GoldFormat { pipeline, mart, date, extension } => {
                let partition = partition(pipeline, mart, date);
                (Below::Gold, format!("{partition}/{DATA_STEM}.{extension}"))
            }
            Self::GoldDated { pipeline, mart, logical_time, extension } => {
                let time = logical_time.format(DATED_FORMAT);
                (Below::Gold, format!("{pipeline}/{mart}/{mart}_{time}.{extension}"))
            }
        }
    }

    /// The key that has this relative key below this place, when there is one.
    pub(crate) fn parse(below: Below, relative: &str) -> Option<Self> {
        match below {
            Below::Bronze => parse_bronze(relative),
            Below::Staging => parse_staging(relative),
            Below::Silver => {
                let (pipeline, dataset, date, rest) = parse_partition(relative)?;
                (rest == DATA_NAME).then_some(Self::SilverData { pipeline, dataset, date })
            }
            Below::Quarantine => parse_quarantine(relative),
            Below::Gold => parse_gold(relative),
        }
    }

    /// The run date of the partition or run that the object belongs to; a dated file of a mart
    /// belongs to none.
    #[must_use]
    pub fn date(&self) -> Option<&RunDate> {
        match self {
            Self::BronzeObject { date, .. }
            | Self::BronzeManifest { date, .. }
            | Self::Staged { date, .. }
            | Self::RunReport { date, .. }
            | Self::SilverData { date, .. }
            | Self::Quarantine { date, .. }
            | Self::GoldData { date, .. }
            | Self::GoldFormat { date, .. } => Some(date),
            Self::GoldDated { .. } => None,
        }
    }
}

/// `<pipeline>/<dataset>/year=…/month=…/day=…`
pub(crate) fn partition(pipeline: &Name, dataset: &Name, date: &RunDate) -> String {
    format!("{pipeline}/{dataset}/{}", date.partition())
}

/// `<pipeline>/<date>/<run>`
pub(crate) fn run(pipeline: &Name, date: &RunDate, run_id: &str) -> String {
    format!("{pipeline}/{date}/{}", encode_run_id(run_id))
}

/// `_reports/<pipeline>/<date>/<run>`
pub(crate) fn run_reports(pipeline: &Name, date: &RunDate, run_id: &str) -> String {
    format!("{REPORTS}/{}", run(pipeline, date, run_id))
}

fn parse_partition(relative: &str) -> Option<(Name, Name, RunDate, &str)> {
    let mut segments = relative.splitn(6, '/');
    let pipeline = segments.next()?.parse().ok()?;
    let dataset = segments.next()?.parse().ok()?;
    let folders = [segments.next()?, segments.next()?, segments.next()?].join("/");
    let date = RunDate::parse_partition(&folders)?;
    Some((pipeline, dataset, date, segments.next().filter(|rest| !rest.is_empty())?))
}

fn parse_bronze(relative: &str) -> Option<Key> {
    let (pipeline, dataset, date, object) = parse_partition(relative)?;
    Some(if object == MANIFEST_NAME {
        Key::BronzeManifest { pipeline, dataset, date }
    } else {
        Key::BronzeObject { pipeline, dataset, date, object: object.to_owned() }
    })
}

fn parse_staging(relative: &str) -> Option<Key> {
    let (reports, rest) = match relative.strip_prefix(REPORTS) {
        Some(rest) => (true, rest.strip_prefix('/')?),
        None => (false, relative),
    };
    let segments: Vec<&str> = rest.split('/').collect();
    let (pipeline, date, run_id, last) = match segments.as_slice() {
        [pipeline, date, run_id, last @ ..] => {
            (pipeline.parse().ok()?, date.parse().ok()?, decode_run_id(run_id)?, last)
        }
        _ => return None,
    };
    match (reports, last) {
        (true, [file]) => {
            let stage = file.strip_suffix(".json").filter(|stage| !stage.is_empty())?.to_owned();
            Some(Key::RunReport { pipeline, date, run_id, stage })
        }
        (false, [dataset, file]) => {
            let file = StagedFile::from_file_name(file)?;
            Some(Key::Staged { pipeline, date, run_id, dataset: dataset.parse().ok()?, file })
        }
        _ => None,
    }
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
        && sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_sha256 && matches!(extension, "parquet" | "json")).then(|| Key::Quarantine {
        pipeline,
        dataset,
        date,
        refused,
        sha256: sha256.to_owned(),
        extension: extension.to_owned(),
    })
}

fn parse_gold(relative: &str) -> Option<Key> {
    if let Some((pipeline, mart, date, rest)) = parse_partition(relative) {
        if rest == DATA_NAME {
            return Some(Key::GoldData { pipeline, mart, date });
        }
        let extension = rest.strip_prefix(DATA_STEM)?.strip_prefix('.')?;
        return is_extension(extension)
            .then(|| Key::GoldFormat { pipeline, mart, date, extension: extension.to_owned() });
    }
    let segments: Vec<&str> = relative.split('/').collect();
    let [pipeline, mart, file] = segments.as_slice() else { return None };
    let (time, extension) = file.strip_prefix(mart)?.strip_prefix('_')?.split_once('.')?;
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
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// A run id as one segment of a key. Schedulers put what they like into it: what is not in the
/// usual `scheduled__2025-01-01T00:00:00+00:00` is percent-encoded, so that no run id can leave
/// its place or meet another's.
fn encode_run_id(run_id: &str) -> String {
    if matches!(run_id, "." | "..") {
        return run_id.replace('.', "%2E");
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+:=@~".contains(&byte);
    let encoded = crate::metadata::percent_encode(run_id, plain);
    // An empty segment would not be a key; `%` alone cannot come from anything else.
    if encoded.is_empty() { "%".to_owned() } else { encoded }
}

fn decode_run_id(segment: &str) -> Option<String> {
    let run_id = if segment == "%" { String::new() } else { crate::metadata::percent_decode(segment)? };
    (encode_run_id(&run_id) == segment).then_some(run_id)
}

#[cfg(test)]
mod tests {
    use super::{decode_run_id, encode_run_id};

    #[test]
    fn run_ids_are_one_segment_and_come_back() {
        let usual = "scheduled__2025-01-01T00:00:00+00:00";
        assert_eq!(encode_run_id(usual), usual);
        for run_id in ["", ".", "..", "a/b", "a b", "ü%41", "%", "%2E", "../../gold"] {
            let segment = encode_run_id(run_id);
            assert!(!segment.is_empty() && !segment.contains('/') && segment != "." && segment != "..");
            assert_eq!(decode_run_id(&segment).as_deref(), Some(run_id), "{segment}");
        }
        assert_eq!(decode_run_id("%41"), None, "a spelling that is never written");
    }
}
