//! `pipeline.yaml` as it is written, and into what it is meant.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::schedule::check_cron;
use super::{
    Compression, CsvFormat, Dataset, Format, Input, JsonLayout, Mart, MartFormat, Materialised,
    Pipeline, Schedule, WhenMissing, Window,
};
use crate::yaml::{self, At, choose};
use crate::{ContractError, Name, RunDate, environment, environment_names, suggest};

/// Keys that are known only to be refused.
const REFUSED: [&str; 2] = ["lateness_days", "portable"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPipeline {
    name: Spanned<String>,
    description: Option<String>,
    owner: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    schedule: At<RawSchedule>,
    #[serde(default)]
    environment: Vec<Spanned<String>>,
    datasets: Spanned<BTreeMap<String, Spanned<RawDataset>>>,
    #[serde(default)]
    marts: BTreeMap<String, Spanned<RawMart>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSchedule {
    cron: String,
    timezone: Option<String>,
    start: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDataset {
    contract: Spanned<String>,
    from: Spanned<String>,
    files: Spanned<String>,
    format: Spanned<RawFormat>,
    #[serde(rename = "whenMissing")]
    when_missing: At<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFormat {
    json: At<String>,
    csv: At<RawCsv>,
    compression: At<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCsv {
    delimiter: At<String>,
    quote: At<String>,
    encoding: At<String>,
    header: At<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMart {
    reads: Spanned<BTreeMap<String, Spanned<String>>>,
    grain: Spanned<Vec<String>>,
    #[serde(default)]
    formats: Vec<Spanned<String>>,
    materialised: At<String>,
    lateness_days: At<IgnoredAny>,
    portable: At<IgnoredAny>,
}

pub(super) fn parse(text: &str) -> Result<Pipeline, ContractError> {
    let raw: RawPipeline = yaml::parse(text, &REFUSED)?;
    let name = raw
        .name
        .value
        .parse()
        .map_err(|error: ContractError| error.at(raw.name.referenced))?;
    let environment = raw
        .environment
        .iter()
        .map(variable)
        .collect::<Result<Vec<String>, _>>()?;
    if raw.datasets.value.is_empty() {
        return Err(ContractError::invalid("`datasets` is empty")
            .with_hint("name at least one dataset")
            .at(raw.datasets.referenced));
    }
    let mut datasets = BTreeMap::new();
    for (key, dataset) in raw.datasets.value {
        let place = format!("dataset `{key}`");
        let location = dataset.referenced;
        let read = key
            .parse::<Name>()
            .and_then(|name| Ok((name, read_dataset(dataset.value, &environment)?)));
        let (name, dataset) = read.map_err(|error| error.within(place).at(location))?;
        datasets.insert(name, dataset);
    }
    let mut marts = BTreeMap::new();
    for (key, mart) in raw.marts {
        let place = format!("mart `{key}`");
        let location = mart.referenced;
        let read = key
            .parse::<Name>()
            .and_then(|name| Ok((name, read_mart(mart.value)?)));
        let (name, mart) = read.map_err(|error| error.within(place).at(location))?;
        marts.insert(name, mart);
    }
    let schedule = raw.schedule.map(read_schedule).transpose()?;
    Ok(Pipeline {
        name,
        description: raw.description,
        owner: raw.owner,
        tags: raw.tags,
        schedule,
        environment,
        datasets,
        marts,
    })
}

fn variable(name: &Spanned<String>) -> Result<String, ContractError> {
    let refuse = |message: String, hint: &str| {
        Err(ContractError::invalid(message)
            .with_hint(hint)
            .within("environment")
            .at(name.referenced))
    };
    let text = &name.value;
    if !environment::is_variable_name(text) {
        return refuse(
            format!("`{text}` is not the name of an environment variable"),
            "names are made of capital letters, digits and `_`",
        );
    }
    let secret = text.starts_with("AWS_")
        || [
            "SECRET",
            "PASSWORD",
            "TOKEN",
            "CREDENTIAL",
            "PSEUDONYM_KEY",
            "PRIVATE_KEY",
        ]
        .iter()
        .any(|word| text.contains(word));
    if secret {
        return refuse(
            format!("`{text}` looks like a credential"),
            "credentials come from connections, never through `environment`",
        );
    }
    Ok(text.clone())
}

fn read_schedule(raw: Spanned<RawSchedule>) -> Result<Schedule, ContractError> {
    let location = raw.referenced;
    let read = |raw: RawSchedule| {
        check_cron(&raw.cron)?;
        let timezone = raw.timezone.as_deref().map_or(Ok(Tz::UTC), timezone)?;
        let start = raw.start.parse::<RunDate>()?.date();
        Ok(Schedule {
            cron: raw.cron,
            timezone,
            start,
        })
    };
    read(raw.value).map_err(|error: ContractError| error.within("schedule").at(location))
}

/// The zone of that name.
pub(crate) fn timezone(name: &str) -> Result<Tz, ContractError> {
    name.parse().map_err(|_| {
        ContractError::invalid(format!("`{name}` is not a time zone"))
            .with_hint("use a name of the IANA database, such as `UTC` or `Europe/Berlin`")
    })
}

fn read_dataset(raw: RawDataset, environment: &[String]) -> Result<Dataset, ContractError> {
    let contract = &raw.contract;
    let inside = contract
        .value
        .split('/')
        .all(|part| !matches!(part, "" | "." | ".."));
    if !inside {
        return Err(ContractError::invalid(format!(
            "`{}` is not a path inside the pipeline's folder",
            contract.value
        ))
        .with_hint("write it as `contracts/<dataset>.odcs.yaml`")
        .at(contract.referenced));
    }
    check_source(&raw.from.value, environment).map_err(|error| error.at(raw.from.referenced))?;
    let files = raw
        .files
        .value
        .parse()
        .map_err(|error: ContractError| error.at(raw.files.referenced))?;
    let location = raw.format.referenced;
    let format = read_format(raw.format.value).map_err(|error| error.at(location))?;
    let choices = [("skip", WhenMissing::Skip), ("fail", WhenMissing::Fail)];
    Ok(Dataset {
        contract_path: raw.contract.value,
        from: raw.from.value,
        files,
        format,
        when_missing: choice("whenMissing", raw.when_missing, &choices, &[])?,
    })
}

fn check_source(from: &str, environment: &[String]) -> Result<(), ContractError> {
    if from.is_empty() {
        return Err(ContractError::invalid("`from` is empty")
            .with_hint("name a folder, or `s3://bucket/prefix`"));
    }
    match environment_names(from)?
        .into_iter()
        .find(|name| !environment.contains(name))
    {
        None => Ok(()),
        Some(name) => Err(ContractError::invalid(format!(
            "`from` needs the variable `{name}`, which `environment` does not declare"
        ))
        .with_hint(format!("add it: `environment: [{name}]`"))),
    }
}

fn choice<T: Copy + Default>(
    key: &str,
    text: At<String>,
    choices: &[(&str, T)],
    later: &[&str],
) -> Result<T, ContractError> {
    match text {
        None => Ok(T::default()),
        Some(text) => {
            choose(key, &text.value, choices, later).map_err(|error| error.at(text.referenced))
        }
    }
}

fn read_format(raw: RawFormat) -> Result<Format, ContractError> {
    let compressions = [
        ("none", Compression::None),
        ("gzip", Compression::Gzip),
        ("zstd", Compression::Zstd),
    ];
    let compression = choice("compression", raw.compression, &compressions, &[])?;
    match (raw.json, raw.csv) {
        (Some(layout), None) => {
            let layouts = [
                ("lines", JsonLayout::Lines),
                ("array", JsonLayout::Array),
                ("concatenated", JsonLayout::Concatenated),
            ];
            let location = layout.referenced;
            choose("json", &layout.value, &layouts, &[])
                .map(|layout| Format::Json(layout, compression))
                .map_err(|error| error.at(location))
        }
        (None, Some(csv)) => Ok(Format::Csv(read_csv(csv.value)?, compression)),
        _ => Err(
            ContractError::invalid("`format` names not exactly one of `json` and `csv`")
                .with_hint("write `format: {json: lines}` or `format: {csv: {delimiter: \",\"}}`"),
        ),
    }
}

fn read_csv(raw: RawCsv) -> Result<CsvFormat, ContractError> {
    let byte = |key: &str, text: At<String>, default: u8| match text {
        None => Ok(default),
        Some(text) => match text.value.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | b'\0') => Ok(*byte),
            _ => Err(
                ContractError::invalid(format!("`{key}` is not one ASCII character"))
                    .with_hint("write it in quotes: `\",\"`, `\";\"`, `\"\\t\"`")
                    .at(text.referenced),
            ),
        },
    };
    let default = CsvFormat::default();
    let delimiter = byte("delimiter", raw.delimiter, default.delimiter)?;
    let quote = byte("quote", raw.quote, default.quote)?;
    if delimiter == quote {
        return Err(
            ContractError::invalid("`delimiter` and `quote` are the same character")
                .with_hint("choose another `quote`"),
        );
    }
    if let Some(header) = raw.header.filter(|header| !header.value) {
        return Err(
            ContractError::not_supported_yet("a CSV file without a header")
                .with_hint("columns are found by the names in the first record")
                .at(header.referenced),
        );
    }
    let encoding = match raw.encoding {
        None => default.encoding,
        Some(encoding) => {
            let name = encoding.value.to_lowercase();
            if !ENCODINGS.contains(&name.as_str()) {
                return Err(ContractError::invalid(format!(
                    "`{}` is not an encoding",
                    encoding.value
                ))
                .with_hint(suggest::hint(&name, &ENCODINGS, "encodings"))
                .at(encoding.referenced));
            }
            name
        }
    };
    Ok(CsvFormat {
        delimiter,
        quote,
        encoding,
    })
}

/// Names of the WHATWG's encoding standard that the reader's decoder knows.
const ENCODINGS: [&str; 39] = [
    "utf-8",
    "utf-16le",
    "utf-16be",
    "us-ascii",
    "iso-8859-1",
    "iso-8859-2",
    "iso-8859-3",
    "iso-8859-4",
    "iso-8859-5",
    "iso-8859-6",
    "iso-8859-7",
    "iso-8859-8",
    "iso-8859-10",
    "iso-8859-13",
    "iso-8859-14",
    "iso-8859-15",
    "iso-8859-16",
    "windows-874",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "windows-1253",
    "windows-1254",
    "windows-1255",
    "windows-1256",
    "windows-1257",
    "windows-1258",
    "ibm866",
    "koi8-r",
    "koi8-u",
    "macintosh",
    "gbk",
    "gb18030",
    "big5",
    "euc-jp",
    "shift_jis",
    "iso-2022-jp",
    "euc-kr",
    "latin1",
];

fn read_mart(raw: RawMart) -> Result<Mart, ContractError> {
    for (key, later) in [
        ("lateness_days", &raw.lateness_days),
        ("portable", &raw.portable),
    ] {
        if let Some(later) = later {
            return Err(ContractError::not_supported_yet(format!("`{key}`"))
                .with_hint(format!("leave `{key}` out"))
                .at(later.referenced));
        }
    }
    if raw.reads.value.is_empty() {
        return Err(ContractError::invalid("`reads` is empty")
            .with_hint("declare what the SELECT reads: `reads: {silver.<dataset>: day}`")
            .at(raw.reads.referenced));
    }
    let mut reads = BTreeMap::new();
    for (key, window) in &raw.reads.value {
        let read = input(key).and_then(|input| Ok((input, read_window(&window.value)?)));
        let (input, window) = read.map_err(|error| error.at(window.referenced))?;
        reads.insert(input, window);
    }
    let materialised = choice(
        "materialised",
        raw.materialised,
        &[
            ("partition", Materialised::Partition),
            ("snapshot", Materialised::Snapshot),
        ],
        &[],
    )?;
    Ok(Mart {
        reads,
        grain: read_grain(raw.grain)?,
        formats: read_formats(&raw.formats)?,
        materialised,
    })
}

fn read_grain(raw: Spanned<Vec<String>>) -> Result<Vec<String>, ContractError> {
    let refuse = |message: String, hint: &str| {
        Err(ContractError::invalid(message)
            .with_hint(hint)
            .at(raw.referenced))
    };
    if raw.value.is_empty() {
        return refuse(
            "`grain` is empty".to_owned(),
            "name the columns that no two rows of the mart share",
        );
    }
    for (place, column) in raw.value.iter().enumerate() {
        if raw.value[..place]
            .iter()
            .any(|other| other.eq_ignore_ascii_case(column))
        {
            return refuse(
                format!("`grain` lists `{column}` twice"),
                "name each column once",
            );
        }
    }
    Ok(raw.value)
}

fn read_formats(raw: &[Spanned<String>]) -> Result<Vec<MartFormat>, ContractError> {
    let choices = [
        ("parquet", MartFormat::Parquet),
        ("csv", MartFormat::Csv),
        ("json", MartFormat::Json),
    ];
    let mut formats = vec![MartFormat::Parquet];
    for format in raw {
        let read = choose("formats", &format.value, &choices, &[])
            .map_err(|error| error.at(format.referenced))?;
        if !formats.contains(&read) {
            formats.push(read);
        }
    }
    Ok(formats)
}

fn input(text: &str) -> Result<Input, ContractError> {
    match text.split_once('.') {
        Some(("silver", name)) => Ok(Input::Silver(name.parse()?)),
        Some(("gold", name)) => Ok(Input::Gold(name.parse()?)),
        _ => Err(
            ContractError::invalid(format!("`{text}` is nothing that a mart can read"))
                .with_hint("write `silver.<dataset>` or `gold.<mart>`"),
        ),
    }
}

fn read_window(text: &str) -> Result<Window, ContractError> {
    let days = || {
        let count = text.strip_suffix(" days")?;
        count
            .parse::<u32>()
            .ok()
            .filter(|days| (1..=36_600).contains(days))
    };
    match text {
        "day" => Ok(Window::Day),
        "all" => Ok(Window::All),
        _ => days().map(Window::Days).ok_or_else(|| {
            ContractError::invalid(format!("`{text}` is not a window"))
                .with_hint("write `day`, `all`, or a number of days such as `7 days`")
        }),
    }
}
