//! Columns as the texts that `docs/reading.md` reads.

use lakehouse_contract::quote;

/// A column of a table or query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub name: String,
    /// The name of its type in the catalogue; of a domain, that of what the domain is of.
    pub type_name: String,
    /// `b`ase, `c`omposite, `e`num, `r`ange, `m`ultirange, …
    pub type_kind: char,
    /// `A` for arrays.
    pub category: char,
    /// Whether it can be NULL.
    pub can_be_missing: bool,
    /// Whether the user may read it.
    pub readable: bool,
}

impl Column {
    /// The expression whose text COPY writes.
    pub fn expression(&self) -> String {
        let name = quote::identifier(&self.name);
        match (self.type_kind, self.category, self.type_name.as_str()) {
            // `{1,NULL,3}` and `(1,a)` are PostgreSQL's own; JSON is everybody's.
            ('c', ..) | (_, 'A', _) => format!("to_jsonb({name})::text"),
            ('b', _, "bool") => format!("{name}::text"),
            ('b', _, "money") => format!("{name}::numeric"),
            // Seconds, and decimals only where there are some.
            ('b', _, "interval") => {
                format!("trim_scale(extract(epoch from {name})::numeric)")
            }
            ('b', _, "bytea") => format!("encode({name}, 'hex')"),
            _ => name,
        }
    }

    /// An expression that can be sorted, the same on every server.
    pub fn sort_expression(&self) -> String {
        format!("{}::text COLLATE \"C\"", quote::identifier(&self.name))
    }
}

/// How the day's bounds are compared with a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DayType {
    /// An instant.
    Instant,
    /// A local time of a zone that the column does not name.
    Local,
    /// A date.
    Date,
}

impl DayType {
    pub fn of(column: &Column) -> Option<Self> {
        match column.type_name.as_str() {
            "timestamptz" => Some(Self::Instant),
            "timestamp" => Some(Self::Local),
            "date" => Some(Self::Date),
            _ => None,
        }
    }
}

/// A SELECT of columns, ready for COPY.
pub(super) fn select(
    columns: &[Column],
    filler: bool,
    from: &str,
    condition: Option<&str>,
    order: &[String],
) -> String {
    let mut expressions: Vec<String> = columns.iter().map(Column::expression).collect();
    if filler {
        expressions.push("''".to_owned());
    }
    let mut select = format!("SELECT {} FROM {from}", expressions.join(", "));
    if let Some(condition) = condition {
        select.push_str(" WHERE ");
        select.push_str(condition);
    }
    if !order.is_empty() {
        select.push_str(" ORDER BY ");
        select.push_str(&order.join(", "));
    }
    select
}

#[cfg(test)]
mod tests {
    use super::{Column, select};

    fn column(name: &str, type_name: &str, type_kind: char, category: char) -> Column {
        Column {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
            type_kind,
            category,
            can_be_missing: true,
            readable: true,
        }
    }

    #[test]
    fn types_whose_text_nobody_else_reads_are_cast() {
        let columns = [
            column("a\"b", "int4", 'b', 'N'),
            column("b", "bool", 'b', 'B'),
            column("c", "_int4", 'b', 'A'),
            column("d", "address", 'c', 'C'),
            column("e", "interval", 'b', 'T'),
            column("f", "money", 'b', 'N'),
            column("g", "bytea", 'b', 'U'),
            column("h", "mood", 'e', 'E'),
        ];
        let order = ["\"a\"\"b\"".to_owned()];
        assert_eq!(
            select(&columns, false, "\"s\".\"t\"", Some("x"), &order),
            "SELECT \"a\"\"b\", \"b\"::text, to_jsonb(\"c\")::text, to_jsonb(\"d\")::text, \
             trim_scale(extract(epoch from \"e\")::numeric), \"f\"::numeric, encode(\"g\", 'hex'), \
             \"h\" FROM \"s\".\"t\" WHERE x ORDER BY \"a\"\"b\""
        );
    }
}
