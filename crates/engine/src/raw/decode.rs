//! A result's vectors as [`Value`]s.

use std::ffi::CStr;

use duckdb::ffi;

use super::{LogicalType, QueryResult, ResultHandle, take_text};
use crate::error::{EngineError, SqlErrorKind};
use crate::value::Value;

/// Copies all rows of a result.
pub(super) fn answer(result: &mut ResultHandle) -> Result<QueryResult, EngineError> {
    // SAFETY: the result is live for all of these; handles are destroyed below or by their owners.
    unsafe {
        let rows_changed = ffi::duckdb_rows_changed(&mut result.0);
        let count = ffi::duckdb_column_count(&mut result.0);
        let types: Vec<LogicalType> = (0..count)
            .map(|column| LogicalType(ffi::duckdb_column_logical_type(&mut result.0, column)))
            .collect();
        let mut rows = Vec::new();
        loop {
            let mut chunk = ffi::duckdb_fetch_chunk(result.0);
            if chunk.is_null() {
                break;
            }
            let values = chunk_values(chunk, &types);
            ffi::duckdb_destroy_data_chunk(&mut chunk);
            rows.append(&mut values?);
        }
        let text = ffi::duckdb_result_error(&mut result.0);
        if !text.is_null() && !CStr::from_ptr(text).is_empty() {
            return Err(result.error());
        }
        Ok(QueryResult { rows_changed, rows })
    }
}

/// The rows of a chunk.
///
/// # Safety
///
/// `chunk` is live and has columns of these types.
pub(super) unsafe fn chunk_values(
    chunk: ffi::duckdb_data_chunk,
    types: &[LogicalType],
) -> Result<Vec<Vec<Value>>, EngineError> {
    // SAFETY: as this function's own contract says.
    unsafe {
        let size = ffi::duckdb_data_chunk_get_size(chunk) as usize;
        let mut columns = Vec::with_capacity(types.len());
        for (column, logical_type) in types.iter().enumerate() {
            let vector = ffi::duckdb_data_chunk_get_vector(chunk, column as u64);
            columns.push(vector_values(vector, logical_type, 0, size)?.into_iter());
        }
        let row = |_| {
            columns
                .iter_mut()
                .map(|values| values.next().unwrap_or(Value::Null))
                .collect()
        };
        Ok((0..size).map(row).collect())
    }
}

/// The values of a flat vector from `start` for `count` rows.
///
/// # Safety
///
/// `vector` is live, of this type, and holds at least `start + count` rows.
unsafe fn vector_values(
    vector: ffi::duckdb_vector,
    logical_type: &LogicalType,
    start: usize,
    count: usize,
) -> Result<Vec<Value>, EngineError> {
    // SAFETY: the caller's promise covers the vector; its children are as long as the engine says.
    unsafe {
        let type_id = ffi::duckdb_get_type_id(logical_type.0);
        let validity = ffi::duckdb_vector_get_validity(vector);
        let data = ffi::duckdb_vector_get_data(vector);
        let is_null =
            |row: usize| !validity.is_null() && (*validity.add(row / 64) >> (row % 64)) & 1 == 0;
        let mut values = Vec::with_capacity(count);
        if type_id == ffi::DUCKDB_TYPE_DUCKDB_TYPE_STRUCT {
            let fields = ffi::duckdb_struct_type_child_count(logical_type.0);
            let mut columns = Vec::with_capacity(fields as usize);
            for field in 0..fields {
                let name = take_text(ffi::duckdb_struct_type_child_name(logical_type.0, field));
                let child_type =
                    LogicalType(ffi::duckdb_struct_type_child_type(logical_type.0, field));
                let child = ffi::duckdb_struct_vector_get_child(vector, field);
                columns.push((
                    name,
                    vector_values(child, &child_type, start, count)?.into_iter(),
                ));
            }
            for row in start..start + count {
                let fields = columns
                    .iter_mut()
                    .map(|(name, values)| (name.clone(), values.next().unwrap_or(Value::Null)))
                    .collect();
                values.push(if is_null(row) {
                    Value::Null
                } else {
                    Value::Struct(fields)
                });
            }
            return Ok(values);
        }
        for row in start..start + count {
            if is_null(row) {
                values.push(Value::Null);
                continue;
            }
            values.push(match type_id {
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_SQLNULL => Value::Null,
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN => Value::Bool(read::<u8>(data, row) != 0),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_TINYINT => Value::Int(read::<i8>(data, row).into()),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT => Value::Int(read::<i16>(data, row).into()),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER => Value::Int(read::<i32>(data, row).into()),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT => Value::Int(read::<i64>(data, row).into()),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT => Value::Int(read::<i128>(data, row)),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT => Value::Int(read::<u8>(data, row).into()),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT => Value::Int(read::<u16>(data, row).into()),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_UINTEGER => Value::Int(read::<u32>(data, row).into()),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT => Value::Int(read::<u64>(data, row).into()),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_FLOAT => Value::Double(read::<f32>(data, row).into()),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE => Value::Double(read::<f64>(data, row)),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_DATE => date_text(read::<i32>(data, row)),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP => timestamp_text(read::<i64>(data, row)),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_UUID => uuid_text(read::<i128>(data, row)),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_DECIMAL => {
                    let scale = ffi::duckdb_decimal_scale(logical_type.0);
                    let digits: i128 = match ffi::duckdb_decimal_internal_type(logical_type.0) {
                        ffi::DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT => read::<i16>(data, row).into(),
                        ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER => read::<i32>(data, row).into(),
                        ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT => read::<i64>(data, row).into(),
                        _ => read::<i128>(data, row),
                    };
                    Value::Text(decimal_text(digits, scale))
                }
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR => {
                    Value::Text(String::from_utf8_lossy(string_bytes(data.cast(), row)).into_owned())
                }
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_BLOB => Value::Blob(string_bytes(data.cast(), row).to_vec()),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_LIST | ffi::DUCKDB_TYPE_DUCKDB_TYPE_MAP => {
                    let entry = read::<ffi::duckdb_list_entry>(data, row);
                    let child_type = LogicalType(ffi::duckdb_list_type_child_type(logical_type.0));
                    let child = ffi::duckdb_list_vector_get_child(vector);
                    Value::List(vector_values(child, &child_type, entry.offset as usize, entry.length as usize)?)
                }
                _ => {
                    return Err(EngineError::from_engine(
                        SqlErrorKind::NotImplemented,
                        "the result has a column of a type that is not read here; cast it to VARCHAR",
                    ));
                }
            });
        }
        Ok(values)
    }
}

/// The bytes of a text or blob.
///
/// # Safety
///
/// `data` points at the texts of a live vector with more than `row` rows.
pub(crate) unsafe fn string_bytes<'a>(data: *const ffi::duckdb_string_t, row: usize) -> &'a [u8] {
    // SAFETY: the engine keeps up to twelve bytes in place, and a pointer for more.
    unsafe {
        let text = data.add(row);
        let length = text.cast::<u32>().read_unaligned() as usize;
        let start = if length <= 12 {
            text.cast::<u8>().add(4)
        } else {
            text.cast::<u8>()
                .add(8)
                .cast::<*const u8>()
                .read_unaligned()
        };
        std::slice::from_raw_parts(start, length)
    }
}

/// A value of a vector; vectors of results are not aligned for every type.
///
/// # Safety
///
/// `data` points at the values, of type `T`, of a live vector with more than `row` rows.
unsafe fn read<T: Copy>(data: *const std::ffi::c_void, row: usize) -> T {
    // SAFETY: as this function's own contract says.
    unsafe { data.cast::<T>().add(row).read_unaligned() }
}

/// A UUID as the engine writes it; it is kept with its first bit turned.
fn uuid_text(stored: i128) -> Value {
    let bits = (stored as u128) ^ (1 << 127);
    let digits = format!("{bits:032x}");
    let groups = [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ];
    Value::Text(groups.join("-"))
}

fn decimal_text(digits: i128, scale: u8) -> String {
    if scale == 0 {
        return digits.to_string();
    }
    let scale = usize::from(scale);
    let unsigned = format!("{:0>width$}", digits.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = unsigned.split_at(unsigned.len() - scale);
    format!("{}{whole}.{fraction}", if digits < 0 { "-" } else { "" })
}

fn date_text(days: i32) -> Value {
    // Infinite dates, and those outside chrono's range, have no text of this form.
    match chrono::DateTime::from_timestamp(i64::from(days) * 86_400, 0) {
        Some(at) => Value::Text(at.format("%Y-%m-%d").to_string()),
        None => Value::Text(if days < 0 { "-infinity" } else { "infinity" }.into()),
    }
}

fn timestamp_text(microseconds: i64) -> Value {
    if microseconds == i64::MAX || microseconds == -i64::MAX {
        return Value::Text(
            if microseconds < 0 {
                "-infinity"
            } else {
                "infinity"
            }
            .into(),
        );
    }
    match chrono::DateTime::from_timestamp_micros(microseconds) {
        Some(at) => {
            let text = at.format("%Y-%m-%d %H:%M:%S%.6f").to_string();
            // As the engine writes it: no more digits than needed.
            Value::Text(text.trim_end_matches('0').trim_end_matches('.').to_owned())
        }
        None => Value::Text(microseconds.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_digits() {
        assert_eq!(decimal_text(-5, 2), "-0.05");
        assert_eq!(
            decimal_text(999_999_999_999_999_999, 2),
            "9999999999999999.99"
        );
        assert_eq!(decimal_text(0, 3), "0.000");
        assert_eq!(decimal_text(42, 0), "42");
    }

    #[test]
    fn timestamps_have_no_needless_digits() {
        assert_eq!(timestamp_text(0), Value::Text("1970-01-01 00:00:00".into()));
        assert_eq!(
            timestamp_text(1_500_000),
            Value::Text("1970-01-01 00:00:01.5".into())
        );
        assert_eq!(
            timestamp_text(-1),
            Value::Text("1969-12-31 23:59:59.999999".into())
        );
        assert_eq!(date_text(-1), Value::Text("1969-12-31".into()));
    }
}
