//! What the environment says, judged once, before anything is done.

use std::path::PathBuf;

use lakehouse_store::{Layout, Location, Secret, StoreSettings, checks};

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
    let endpoint = match first_of(&[&env::AWS_ENDPOINT_URL_S3, &env::AWS_ENDPOINT_URL])? {
        Some((variable, text)) => {
            Some(checks::endpoint(&text).map_err(|why| wrong(variable, &why))?)
        }
        None => None,
    };
    let region = match first_of(&[&env::AWS_REGION, &env::AWS_DEFAULT_REGION])? {
        Some((variable, region)) => {
            checks::region(&region, endpoint.as_deref()).map_err(|why| wrong(variable, &why))?;
            region
        }
        // Other stores than Amazon's take any region, most of them this one.
        None if endpoint.is_some() => "us-east-1".to_owned(),
        None => return Err(no_store()),
    };
    let access_key_id = env::read(&env::AWS_ACCESS_KEY_ID)?;
    let profile = env::read(&env::AWS_PROFILE)?.filter(|_| access_key_id.is_none());
    let credential = |variable, check| match &profile {
        Some(_) => Ok(Secret::default()),
        None => credential(variable, check),
    };
    Ok(StoreSettings {
        path_style: flag(&env::LAKE_S3_PATH_STYLE, endpoint.is_some())?,
        endpoint,
        ca_bundle: ca_bundle()?,
        region,
        access_key_id: credential(&env::AWS_ACCESS_KEY_ID, checks::sent_credential)?,
        secret_access_key: credential(&env::AWS_SECRET_ACCESS_KEY, checks::secret)?,
        session_token: match env::read(&env::AWS_SESSION_TOKEN)? {
            Some(_) => Some(credential(
                &env::AWS_SESSION_TOKEN,
                checks::sent_credential,
            )?),
            None => None,
        },
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

/// Amazon's own store is never meant by saying nothing: whoever has another one and forgets its
/// address would wait for a network that has no way to Amazon.
fn no_store() -> StageError {
    StageError::usage(format!(
        "neither `{}` nor `{}` is set: there is no store to speak to",
        env::AWS_ENDPOINT_URL.name,
        env::AWS_REGION.name
    ))
    .hint(
        "set `AWS_ENDPOINT_URL` to the address of the store, or `AWS_REGION` for Amazon S3; under Airflow they are `endpoint_url` and `region_name` in the extra of the connection `minio_default`",
    )
}

/// The certificates to trust, where they are not the system's. A folder of certificates beside
/// the file is left to the TLS library, which reads both.
fn ca_bundle() -> Result<Option<PathBuf>, StageError> {
    if let Some(bundle) = env::read(&env::AWS_CA_BUNDLE)? {
        return Ok(Some(bundle.into()));
    }
    if std::env::var_os("SSL_CERT_DIR").is_some_and(|folder| !folder.is_empty()) {
        return Ok(None);
    }
    Ok(env::read(&env::SSL_CERT_FILE)?.map(PathBuf::from))
}

/// The first of several variables that is set, with its value.
fn first_of<'a>(
    variables: &[&'a env::Variable],
) -> Result<Option<(&'a env::Variable, String)>, StageError> {
    for variable in variables {
        if let Some(value) = env::read(variable)? {
            return Ok(Some((variable, value)));
        }
    }
    Ok(None)
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

fn credential(
    variable: &env::Variable,
    check: fn(&str) -> Result<(), String>,
) -> Result<Secret, StageError> {
    let value = env::read(variable)?.ok_or_else(|| {
        StageError::usage(format!("environment variable `{}` is not set", variable.name)).hint(
            "set the store's credentials; under Airflow they come from the connection `minio_default` (type aws)",
        )
    })?;
    check(&value).map_err(|why| {
        StageError::usage(format!(
            "environment variable `{}` is wrong: {why}",
            variable.name
        ))
        .hint(
            "set it again without the character; a file read into a variable brings its line end along. Under Airflow it comes from the connection `minio_default`",
        )
    })?;
    Ok(Secret::new(value))
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
