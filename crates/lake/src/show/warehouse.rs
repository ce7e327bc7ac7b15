//! `lake show --warehouse`: what is in the warehouses, and how to open them.

use std::path::Path;

use lakehouse_bind::EngineFailure;
use lakehouse_contract::quote::literal;
use lakehouse_engine::{ATTACHED, AttachError, Session, SessionOptions, Value};
use lakehouse_stage::units::readable_bytes;
use lakehouse_stage::{Base, Exit, LoadedPipeline, StageError, WarehousePlace};

use crate::output;
use crate::show::table::aligned;

/// Shows each warehouse of a pipeline.
///
/// # Errors
/// A warehouse that cannot be read; store and engine failures.
pub async fn show(base: &Base, loaded: &LoadedPipeline) -> Result<Exit, StageError> {
    let pipeline = &loaded.pipeline;
    if pipeline.warehouses.is_empty() {
        output::answer(&format!("`{}` has no warehouse", pipeline.name));
        return Ok(Exit::Nothing);
    }
    let mut shown = 0;
    for name in pipeline.warehouses.keys() {
        let place = loaded.warehouse_place(name, &base.settings.layout)?;
        let path = match &place {
            WarehousePlace::Local(file) => file.path().is_file().then(|| file.path().to_path_buf()),
            WarehousePlace::Object(address) => {
                let store = base.connect(&[], false).await?;
                let path = base.workspace.file(&format!("{name}.duckdb"));
                match store.get_to_file(address, &path).await {
                    Ok(_) => Some(path),
                    Err(lakehouse_store::StoreError::NotFound { .. }) => None,
                    Err(error) => return Err(error.into()),
                }
            }
        };
        let text = match path {
            None => format!("{name}: {place} is not there; nothing has been loaded yet"),
            Some(path) => {
                shown += 1;
                let text = tokio::task::block_in_place(|| describe(base, &path));
                let text = text.map_err(|error| {
                    error.context(format!(
                        "could not read the warehouse `{name}` at `{place}`"
                    ))
                })?;
                format!("{name}: {place}{text}\n\n{}", how_to_open(&place))
            }
        };
        output::answer(&format!("\n{text}"));
    }
    Ok(match shown {
        0 => Exit::Nothing,
        _ => Exit::Done,
    })
}

fn describe(base: &Base, path: &Path) -> Result<String, StageError> {
    let session = Session::open(&SessionOptions {
        workspace: base.workspace.path().to_path_buf(),
        memory_limit_bytes: base.settings.memory_limit_bytes,
        threads: base.settings.threads,
        pseudonym_key: None,
    })
    .stage("open the engine")?;
    match session.attach_to_read(path) {
        Ok(()) => {}
        Err(AttachError::Locked) => {
            return Err(
                StageError::transient("another process has it open for writing")
                    .hint("close that session; open a warehouse read-only: `duckdb -readonly`"),
            );
        }
        Err(AttachError::NotReadable(cause)) => {
            return Err(StageError::usage("it cannot be read as a DuckDB database")
                .cause(cause)
                .hint("correct `path` in pipeline.yaml, or move the file away and load again"));
        }
        Err(AttachError::Engine(error)) => {
            Err(error).stage("open the file")?;
        }
    }
    let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let version = session.attached_version().stage("read the file")?;
    let mut text = format!(
        " ({}, DuckDB storage {})",
        readable_bytes(bytes),
        version.as_deref().unwrap_or("unknown")
    );
    // Rows as the tables have them; what `lake_loads` says of them beside it.
    let rows = session
        .query(&format!(
            "SELECT table_name, any_value(pipeline), any_value(mart), any_value(load), count(*), min(run_date), max(run_date), sum(row_count)::BIGINT
             FROM {ATTACHED}.main.lake_loads
             WHERE table_name IN (SELECT table_name FROM duckdb_tables() WHERE database_name = {})
             GROUP BY table_name ORDER BY table_name",
            literal(ATTACHED)
        ))
        .stage("read what was loaded")?;
    let header = [
        "table", "pipeline", "from", "load", "days", "first", "last", "rows",
    ];
    let mut cells = vec![header.map(str::to_owned).to_vec()];
    for row in &rows {
        let mut row: Vec<String> = row.iter().map(Value::to_string).collect();
        row[2] = format!("gold.{}", row[2]);
        cells.push(row);
    }
    text.push('\n');
    text.push_str(&aligned(&cells));
    Ok(text)
}

fn how_to_open(place: &WarehousePlace) -> String {
    match place {
        WarehousePlace::Local(file) => format!("  duckdb -readonly {}", file.path().display()),
        WarehousePlace::Object(address) => format!(
            "  duckdb -c \"ATTACH '{address}' AS warehouse (READ_ONLY)\"    (with httpfs and a secret for the store)"
        ),
    }
}
