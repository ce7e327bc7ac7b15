//! What the environment says, judged once, before anything is done.

use std::path::PathBuf;

use lakehouse_store::{Layout, Location, Secret, StoreSettings};

use crate::units::parse_bytes;
use crate::{StageError, env};

/// The shortest key that makes pseudonyms worth having.
const MIN_PSEUDONYM_KEY_BYTES: usize = 32;

/// The environment of a stage.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder of pipelines.
    pub pipelines_dir: PathBuf,
    /// Where workspaces are made.
    pub workspace_dir: PathBuf,
    /// The five places.
    pub layout: Layout,
    /// The memory of the whole stage.
    pub memory_limit_bytes: u64,
    /// How many threads work.
    pub threads: usize,
    /// The largest record of a source file.
    pub max_record_bytes: usize,
}

impl Settings {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// When a variable does not say what it should: 2, with its name.
    pub fn from_environment() -> Result<Self, StageError> {
        Ok(Self {
            pipelines_dir: env::read(&env::LAKE_PIPELINES_DIR)?
                .unwrap_or_else(|| "pipelines".to_owned())
                .into(),
            workspace_dir: match env::read(&env::LAKE_WORKSPACE_DIR)? {
                Some(folder) => folder.into(),
                None => std::env::temp_dir().join("lake"),
            },
            layout: Layout::new(
                location(&env::LAKE_BRONZE_URL)?,
                location(&env::LAKE_STAGING_URL)?,
                location(&env::LAKE_SILVER_URL)?,
                location(&env::LAKE_QUARANTINE_URL)?,
                location(&env::LAKE_GOLD_URL)?,
            )?,
            memory_limit_bytes: bytes(&env::LAKE_MEMORY_LIMIT, 1 << 30)?,
            threads: match env::read(&env::LAKE_THREADS)? {
                None => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
                Some(text) => usize::try_from(whole(&env::LAKE_THREADS, &text)?)
                    .ok()
                    .filter(|threads| (1..=1024).contains(threads))
                    .ok_or_else(|| wrong(&env::LAKE_THREADS, "it is not between 1 and 1024"))?,
            },
            max_record_bytes: usize::try_from(bytes(&env::LAKE_MAX_RECORD_BYTES, 16 << 20)?)
                .map_err(|_| {
                    wrong(
                        &env::LAKE_MAX_RECORD_BYTES,
                        "it is larger than this machine can address",
                    )
                })?,
        })
    }
}

/// The store's address and credentials.
///
/// # Errors
/// When one is missing or wrong: 2, with the variable and the Airflow connection.
pub fn store_settings() -> Result<StoreSettings, StageError> {
    let endpoint = match env::read(&env::AWS_ENDPOINT_URL_S3)? {
        Some(endpoint) => Some(endpoint),
        None => env::read(&env::AWS_ENDPOINT_URL)?,
    };
    if let Some(endpoint) = &endpoint
        && !endpoint.starts_with("http://")
        && !endpoint.starts_with("https://")
    {
        return Err(wrong(
            &env::AWS_ENDPOINT_URL,
            "it begins with neither `http://` nor `https://`",
        ));
    }
    let region = match env::read(&env::AWS_REGION)? {
        Some(region) => region,
        None => env::read(&env::AWS_DEFAULT_REGION)?.unwrap_or_else(|| "us-east-1".to_owned()),
    };
    let access_key_id = env::read(&env::AWS_ACCESS_KEY_ID)?;
    let profile = env::read(&env::AWS_PROFILE)?.filter(|_| access_key_id.is_none());
    let credential = |variable| match &profile {
        Some(_) => Ok(Secret::default()),
        None => credential(variable),
    };
    Ok(StoreSettings {
        path_style: flag(&env::LAKE_S3_PATH_STYLE, endpoint.is_some())?,
        endpoint,
        region,
        access_key_id: credential(&env::AWS_ACCESS_KEY_ID)?,
        secret_access_key: credential(&env::AWS_SECRET_ACCESS_KEY)?,
        session_token: env::read(&env::AWS_SESSION_TOKEN)?.map(Secret::new),
        connect_timeout_secs: secs(&env::LAKE_S3_CONNECT_TIMEOUT_SECS, 5)?,
        read_timeout_secs: secs(&env::LAKE_S3_READ_TIMEOUT_SECS, 30)?,
        operation_timeout_secs: secs(&env::LAKE_S3_OPERATION_TIMEOUT_SECS, 120)?,
        attempts: match env::read(&env::AWS_MAX_ATTEMPTS)? {
            None => 4,
            Some(text) => u32::try_from(whole(&env::AWS_MAX_ATTEMPTS, &text)?)
                .ok()
                .filter(|attempts| (1..=100).contains(attempts))
                .ok_or_else(|| wrong(&env::AWS_MAX_ATTEMPTS, "it is not between 1 and 100"))?,
        },
        create_buckets: flag(&env::LAKE_CREATE_BUCKETS, false)?,
        profile,
    })
}

/// The key of pseudonyms, for a contract that pseudonymises.
///
/// # Errors
/// When it is missing or too short: 2.
pub fn pseudonym_key() -> Result<Secret, StageError> {
    let hint = format!(
        "set `{}` to a text of at least {MIN_PSEUDONYM_KEY_BYTES} bytes; under Airflow it is the password of the connection `lake_pseudonym`",
        env::LAKE_PSEUDONYM_KEY.name
    );
    match env::read(&env::LAKE_PSEUDONYM_KEY)? {
        None => Err(StageError::usage(format!(
            "a contract pseudonymises, and `{}` is not set",
            env::LAKE_PSEUDONYM_KEY.name
        ))
        .hint(hint)),
        Some(key) if key.len() < MIN_PSEUDONYM_KEY_BYTES => Err(StageError::usage(format!(
            "`{}` has {} bytes, fewer than {MIN_PSEUDONYM_KEY_BYTES}",
            env::LAKE_PSEUDONYM_KEY.name,
            key.len()
        ))
        .hint(hint)),
        Some(key) => Ok(Secret::new(key)),
    }
}

fn wrong(variable: &env::Variable, why: &str) -> StageError {
    StageError::usage(format!(
        "environment variable `{}` is wrong: {why}",
        variable.name
    ))
    .hint(format!(
        "{} Default: {}",
        variable.meaning,
        variable.default.unwrap_or("none")
    ))
}

fn location(variable: &env::Variable) -> Result<Location, StageError> {
    let text = env::read(variable)?
        .or_else(|| variable.default.map(str::to_owned))
        .unwrap_or_default();
    text.parse()
        .map_err(|error| wrong(variable, &format!("`{text}`: {error}")))
}

fn credential(variable: &env::Variable) -> Result<Secret, StageError> {
    env::read(variable)?.map(Secret::new).ok_or_else(|| {
        StageError::usage(format!("environment variable `{}` is not set", variable.name)).hint(
            "set the store's credentials; under Airflow they come from the connection `minio_default` (type aws)",
        )
    })
}

fn whole(variable: &env::Variable, text: &str) -> Result<u64, StageError> {
    text.trim()
        .parse()
        .map_err(|_| wrong(variable, &format!("`{text}` is not a whole number")))
}

fn secs(variable: &env::Variable, default: u64) -> Result<u64, StageError> {
    match env::read(variable)? {
        None => Ok(default),
        Some(text) => match whole(variable, &text)? {
            0 => Err(wrong(variable, "it is zero")),
            secs => Ok(secs),
        },
    }
}

fn bytes(variable: &env::Variable, default: u64) -> Result<u64, StageError> {
    match env::read(variable)? {
        None => Ok(default),
        Some(text) => parse_bytes(&text).map_err(|error| wrong(variable, &error)),
    }
}

fn flag(variable: &env::Variable, default: bool) -> Result<bool, StageError> {
    match env::read(variable)?
        .map(|text| text.to_ascii_lowercase())
        .as_deref()
    {
        None => Ok(default),
        Some("true" | "1" | "yes") => Ok(true),
        Some("false" | "0" | "no") => Ok(false),
        Some(other) => Err(wrong(
            variable,
            &format!("`{other}` is neither `true` nor `false`"),
        )),
    }
}
