//! A [`RowSource`] as a table function of the engine.
//!
//! The engine asks for the columns (bind), for the number of threads (init), for a worker on each
//! thread (local init), and then for chunk after chunk. Nothing unwinds into it: a panic becomes
//! an error of the query, and is remembered, so that the session can report it as one.

use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use duckdb::ffi;

use crate::assign::EngineRefusal;
use crate::chunk::{Chunk, Slot};
use crate::error::{EngineError, SqlErrorKind};
use crate::raw::{Connection, LogicalType, c_text, c_text_lossy};
use crate::source::{ColumnKind, RowSource, RowWorker};

/// The first failure of Rust code called during a statement.
///
/// The engine's error text says less: it has its own label in front and no room for a class.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<Option<EngineError>>);

impl Failures {
    /// Notes a failure unless there is one already, and returns the text for the engine.
    fn note(&self, error: EngineError) -> String {
        let text = error.to_string();
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(error);
        text
    }

    /// Takes the failure, so that the next statement starts without one.
    pub(crate) fn take(&self) -> Option<EngineError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Runs Rust code for the engine; returns the text of its error or panic.
    pub(crate) fn contain<T>(
        &self,
        run: impl FnOnce() -> Result<T, EngineError>,
    ) -> Result<T, String> {
        self.contain_panics(|| run().map_err(|error| self.note(error)))
    }

    /// The same, for code whose errors the engine may report as it does its own.
    pub(crate) fn contain_panics<T>(
        &self,
        run: impl FnOnce() -> Result<T, String>,
    ) -> Result<T, String> {
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
            Err(self.note(match payload.downcast_ref::<EngineRefusal>() {
                Some(EngineRefusal(message)) => {
                    EngineError::from_engine(SqlErrorKind::Other, message)
                }
                None => EngineError::Panic(panic_text(&*payload)),
            }))
        })
    }
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

/// What the engine keeps for a registered source.
struct Registered {
    source: Arc<dyn RowSource>,
    failures: Arc<Failures>,
}

/// What each of the engine's threads keeps.
struct Local {
    worker: Box<dyn RowWorker>,
    slots: Vec<Slot>,
    capacity: usize,
}

/// Makes `SELECT * FROM name()` read the source.
pub(crate) fn register(
    connection: &Connection,
    name: &str,
    source: Arc<dyn RowSource>,
    failures: Arc<Failures>,
) -> Result<(), EngineError> {
    let c_name = c_text(name)?;
    // SAFETY: handles are live until destroyed; the extra information is freed by the engine with
    // `drop_boxed::<Registered>`, also when registering fails.
    let state = unsafe {
        let mut function = ffi::duckdb_create_table_function();
        ffi::duckdb_table_function_set_name(function, c_name.as_ptr());
        let registered = Box::into_raw(Box::new(Registered { source, failures }));
        ffi::duckdb_table_function_set_extra_info(
            function,
            registered.cast(),
            Some(drop_boxed::<Registered>),
        );
        ffi::duckdb_table_function_set_bind(function, Some(bind));
        ffi::duckdb_table_function_set_init(function, Some(init));
        ffi::duckdb_table_function_set_local_init(function, Some(local_init));
        ffi::duckdb_table_function_set_function(function, Some(fill));
        let state = ffi::duckdb_register_table_function(connection.handle(), function);
        ffi::duckdb_destroy_table_function(&mut function);
        state
    };
    if state == ffi::DuckDBSuccess {
        Ok(())
    } else {
        Err(EngineError::from_engine(
            SqlErrorKind::Catalog,
            &format!("the engine takes no row source named `{name}`; is there one already"),
        ))
    }
}

/// Frees what was boxed for the engine.
///
/// # Safety
///
/// `data` comes from `Box::into_raw` of a `Box<T>` and is not used again.
pub(crate) unsafe extern "C" fn drop_boxed<T>(data: *mut c_void) {
    // A panic of a worker's destructor must not unwind into the engine; there is nowhere to
    // report it to.
    // SAFETY: as this function's own contract says.
    let _ = catch_unwind(AssertUnwindSafe(|| unsafe {
        drop(Box::from_raw(data.cast::<T>()))
    }));
}

/// Tells the engine the columns.
unsafe extern "C" fn bind(info: ffi::duckdb_bind_info) {
    // SAFETY: the engine passes the extra information that `register` set, and a live `info`.
    unsafe {
        let registered = &*ffi::duckdb_bind_get_extra_info(info).cast::<Registered>();
        let outcome = registered.failures.contain(|| {
            for (name, kind) in registered.source.columns() {
                let logical_type = logical_type(kind);
                let name = c_text(&name).map_err(|error| error.to_string())?;
                ffi::duckdb_bind_add_result_column(info, name.as_ptr(), logical_type.0);
            }
            Ok(())
        });
        if let Err(message) = outcome {
            ffi::duckdb_bind_set_error(info, c_text_lossy(&message).as_ptr());
        }
    }
}

/// Tells the engine how many threads may read.
unsafe extern "C" fn init(info: ffi::duckdb_init_info) {
    // SAFETY: as in `bind`.
    unsafe {
        let registered = &*ffi::duckdb_init_get_extra_info(info).cast::<Registered>();
        match registered
            .failures
            .contain(|| Ok(registered.source.max_threads().max(1)))
        {
            Ok(threads) => ffi::duckdb_init_set_max_threads(info, threads as u64),
            Err(message) => ffi::duckdb_init_set_error(info, c_text_lossy(&message).as_ptr()),
        }
    }
}

/// Gives one of the engine's threads its worker.
unsafe extern "C" fn local_init(info: ffi::duckdb_init_info) {
    // SAFETY: as in `bind`; the engine frees the local data with `drop_boxed::<Local>`.
    unsafe {
        let registered = &*ffi::duckdb_init_get_extra_info(info).cast::<Registered>();
        let outcome = registered.failures.contain(|| {
            let slots = registered
                .source
                .columns()
                .into_iter()
                .map(|(_, kind)| Slot::new(kind))
                .collect();
            let capacity = ffi::duckdb_vector_size() as usize;
            Ok(Box::new(Local {
                worker: registered.source.worker(),
                slots,
                capacity,
            }))
        });
        match outcome {
            Ok(local) => ffi::duckdb_init_set_init_data(
                info,
                Box::into_raw(local).cast(),
                Some(drop_boxed::<Local>),
            ),
            Err(message) => ffi::duckdb_init_set_error(info, c_text_lossy(&message).as_ptr()),
        }
    }
}

/// Fills a chunk.
unsafe extern "C" fn fill(info: ffi::duckdb_function_info, output: ffi::duckdb_data_chunk) {
    // SAFETY: the engine passes the extra information of `register` and the local data of
    // `local_init`, the latter to its own thread only; `output` is ours during the call.
    unsafe {
        let registered = &*ffi::duckdb_function_get_extra_info(info).cast::<Registered>();
        let outcome = registered.failures.contain(|| {
            let local = &mut *ffi::duckdb_function_get_local_init_data(info).cast::<Local>();
            let mut chunk = Chunk::new(&mut local.slots, output, local.capacity);
            let rows = local.worker.fill(&mut chunk)?;
            assert!(
                rows <= local.capacity,
                "a row source returned {rows} rows in a chunk of {}",
                local.capacity
            );
            Ok(rows)
        });
        match outcome {
            Ok(rows) => ffi::duckdb_data_chunk_set_size(output, rows as u64),
            Err(message) => {
                ffi::duckdb_data_chunk_set_size(output, 0);
                ffi::duckdb_function_set_error(info, c_text_lossy(&message).as_ptr());
            }
        }
    }
}

fn logical_type(kind: ColumnKind) -> LogicalType {
    let type_id = match kind {
        ColumnKind::Text => ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR,
        ColumnKind::Boolean => ffi::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN,
        ColumnKind::Int32 => ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER,
        ColumnKind::Int64 => ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT,
        ColumnKind::Double => ffi::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE,
        ColumnKind::Date => ffi::DUCKDB_TYPE_DUCKDB_TYPE_DATE,
        ColumnKind::Timestamp => ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP,
        ColumnKind::Uuid => ffi::DUCKDB_TYPE_DUCKDB_TYPE_UUID,
        // SAFETY: the call only allocates.
        ColumnKind::Decimal { precision, scale } => {
            // SAFETY: makes a type of two numbers; a wrong pair gives a null type, which registering refuses.
            return LogicalType(unsafe { ffi::duckdb_create_decimal_type(precision, scale) });
        }
    };
    // SAFETY: the call only allocates.
    LogicalType(unsafe { ffi::duckdb_create_logical_type(type_id) })
}
