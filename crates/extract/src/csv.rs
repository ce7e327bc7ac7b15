//! CSV as it is written: records are counted, and no other record ends hide in a row.

/// The header, with a line end.
pub(crate) fn header(columns: &[String]) -> Vec<u8> {
    let mut line = Vec::new();
    for (place, column) in columns.iter().enumerate() {
        if place > 0 {
            line.push(b',');
        }
        let needs_quotes = column.is_empty()
            || column
                .bytes()
                .any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r'));
        if needs_quotes {
            line.push(b'"');
            line.extend(column.replace('"', "\"\"").bytes());
            line.push(b'"');
        } else {
            line.extend(column.bytes());
        }
    }
    line.push(b'\n');
    line
}

/// How many records end in a piece of CSV that begins outside of quotes; `None` where it does not
/// end with a record.
pub(crate) fn records(piece: &[u8]) -> Option<u64> {
    if piece.last() != Some(&b'\n') {
        return None;
    }
    let mut records = 0;
    let mut in_quotes = false;
    let mut from = 0;
    for quote in memchr::memchr_iter(b'"', piece) {
        if !in_quotes {
            records += memchr::memchr_iter(b'\n', &piece[from..quote]).count() as u64;
        }
        in_quotes = !in_quotes;
        from = quote + 1;
    }
    if in_quotes {
        return None;
    }
    records += memchr::memchr_iter(b'\n', &piece[from..]).count() as u64;
    Some(records)
}

#[cfg(test)]
mod tests {
    use super::{header, records};

    #[test]
    fn records_are_counted_outside_of_quotes() {
        for (piece, count) in [
            ("1,2\n", Some(1)),
            ("\n", Some(1)),
            ("1,\"a\nb\"\n", Some(1)),
            ("\"a\"\"\n\"\"b\",\"\n\"\n", Some(1)),
            ("1\n2\n", Some(2)),
            ("\"a\"\n\"b\n\"\n", Some(2)),
            ("1,2", None),
            ("1,\"2\n", None),
            ("", None),
        ] {
            assert_eq!(records(piece.as_bytes()), count, "{piece:?}");
        }
    }

    #[test]
    fn names_are_quoted_where_they_must_be() {
        let names = ["id", "a,b", "c\"d", "e\nf"].map(str::to_owned);
        assert_eq!(header(&names), b"id,\"a,b\",\"c\"\"d\",\"e\nf\"\n".to_vec());
    }
}
