//! What a server has: tables, columns, types and rights.

use lakehouse_contract::{quote, suggest};
use lakehouse_stage::StageError;

use super::select::Column;
use super::session::{Session, text};

/// Kinds of relations that have rows: tables, partitioned tables, views, materialised views,
/// foreign tables.
const KINDS: &str = "('r', 'p', 'v', 'm', 'f')";

/// A table or view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Relation {
    pub oid: String,
    pub schema: String,
    pub name: String,
    pub kind: char,
    /// Changes when the table is rewritten or truncated.
    pub file_node: String,
    pub pages: u64,
    /// Whether the user may read all columns, which takes in the places of rows.
    pub readable: bool,
    pub estimated_rows: u64,
}

impl Relation {
    /// The name in SQL.
    pub fn quoted(&self) -> String {
        format!(
            "{}.{}",
            quote::identifier(&self.schema),
            quote::identifier(&self.name)
        )
    }

    /// The name for people.
    pub fn shown(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }
}

const RELATION: &str = "select c.oid, n.nspname, c.relname, c.relkind, \
     coalesce(pg_relation_filenode(c.oid)::text, ''), \
     coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::int, \
     greatest(c.reltuples, 0)::bigint, has_schema_privilege(n.oid, 'USAGE'), \
     has_table_privilege(c.oid, 'SELECT') \
     from pg_class c join pg_namespace n on n.oid = c.relnamespace";

impl Session<'_> {
    /// Finds a table by `schema.table`, or by `table` in the search path.
    ///
    /// # Errors
    /// There is none: 2, with those that there are; no right to its schema: 2.
    pub async fn relation(&self, name: &str) -> Result<Relation, StageError> {
        let condition = match name.split_once('.') {
            Some((schema, table)) => format!(
                "n.nspname = {} and c.relname = {}",
                quote::literal(schema),
                quote::literal(table)
            ),
            None => format!(
                "c.relname = {} and pg_table_is_visible(c.oid)",
                quote::literal(name)
            ),
        };
        let query = format!("{RELATION} where c.relkind in {KINDS} and {condition}");
        let rows = self.rows(&query).await?;
        let Some(row) = rows.first() else {
            return Err(self.no_relation(name).await?);
        };
        let relation = relation_of(row);
        if text(row, 7) != "t" {
            let (schema, user) = (&relation.schema, &self.settings.user);
            return Err(
                StageError::usage(format!("`{user}` may not use the schema `{schema}`")).hint(
                    format!(
                        "let its owner say `GRANT USAGE ON SCHEMA {} TO {}`",
                        quote::identifier(schema),
                        quote::identifier(user)
                    ),
                ),
            );
        }
        Ok(relation)
    }

    async fn no_relation(&self, name: &str) -> Result<StageError, StageError> {
        let query = format!(
            "select case when pg_table_is_visible(c.oid) and {} then c.relname \
             else n.nspname || '.' || c.relname end \
             from pg_class c join pg_namespace n on n.oid = c.relnamespace \
             where c.relkind in {KINDS} and not c.relispartition \
             and n.nspname not in ('pg_catalog', 'information_schema') \
             and n.nspname not like 'pg\\_%' order by 1 limit 200",
            !name.contains('.')
        );
        let rows = self.rows(&query).await?;
        let names: Vec<&str> = rows.iter().map(|row| text(row, 0)).collect();
        let error = StageError::usage(format!(
            "there is no table `{name}` at `{}`",
            self.settings.address
        ));
        Ok(match names.len() {
            0 => error.hint("the database has no tables; is it the right one?"),
            1..=20 => error.hint(suggest::hint(name, &names, "tables")),
            count => match suggest::closest(name, &names) {
                Some(close) => error.hint(format!("did you mean `{close}`?")),
                None => error.hint(format!("the database has {count} tables or more")),
            },
        })
    }

    /// The tables that a partitioned table's rows are in, in the order of their names.
    ///
    /// # Errors
    /// What the server says.
    pub async fn leaves(&self, parent: &Relation) -> Result<Vec<Relation>, StageError> {
        let query = format!(
            "{RELATION} where c.oid in (select relid from pg_partition_tree({}) where isleaf) \
             order by n.nspname collate \"C\", c.relname collate \"C\"",
            parent.oid
        );
        Ok(self.rows(&query).await?.iter().map(relation_of).collect())
    }

    /// The columns of a table, in its order.
    ///
    /// # Errors
    /// What the server says.
    pub async fn columns(&self, relation: &Relation) -> Result<Vec<Column>, StageError> {
        let query = format!(
            "select a.attname, t.typname, t.typtype, t.typcategory, a.attnotnull, \
             has_column_privilege(a.attrelid, a.attnum, 'SELECT') \
             from pg_attribute a cross join lateral ({}) t \
             where a.attrelid = {} and a.attnum > 0 and not a.attisdropped order by a.attnum",
            base_type("a.atttypid"),
            relation.oid
        );
        Ok(self.rows(&query).await?.iter().map(column_of).collect())
    }

    /// The columns of a query.
    ///
    /// # Errors
    /// It is no query, or two of its columns have one name: 2.
    pub async fn columns_of_query(&self, query: &str) -> Result<Vec<Column>, StageError> {
        let statement = self
            .client
            .prepare(&format!("SELECT * FROM ({query}\n) AS q LIMIT 0"))
            .await
            .map_err(|error| self.failed(&error))?;
        let mut columns: Vec<Column> = Vec::new();
        for column in statement.columns() {
            let name = quote::literal(column.name());
            let query = format!(
                "select {name}, t.typname, t.typtype, t.typcategory, 'f', 't' from ({}) t",
                base_type(&column.type_().oid().to_string())
            );
            let rows = self.rows(&query).await?;
            let column = rows
                .first()
                .map(column_of)
                .ok_or_else(|| StageError::bug("a type has vanished from the catalogue"))?;
            if columns.iter().any(|other| other.name == column.name) {
                return Err(StageError::usage(format!(
                    "the query has two columns `{}`",
                    column.name
                ))
                .hint("give one of them another name: `select … as <name>`"));
            }
            columns.push(column);
        }
        Ok(columns)
    }

    /// The columns of the primary key.
    ///
    /// # Errors
    /// What the server says.
    pub async fn primary_key(&self, relation: &Relation) -> Result<Vec<String>, StageError> {
        let query = format!(
            "select a.attname from pg_index i \
             cross join lateral unnest(i.indkey::int2[]) with ordinality k(attnum, place) \
             join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum \
             where i.indrelid = {} and i.indisprimary order by k.place",
            relation.oid
        );
        let rows = self.rows(&query).await?;
        Ok(rows.iter().map(|row| text(row, 0).to_owned()).collect())
    }

    /// What a table's file is called: another name is another table, or the same rewritten.
    ///
    /// # Errors
    /// What the server says.
    pub async fn file_node(&self, oid: &str) -> Result<String, StageError> {
        let query = format!("select coalesce(pg_relation_filenode({oid})::text, '')");
        let rows = self.rows(&query).await?;
        Ok(rows
            .first()
            .map_or_else(String::new, |row| text(row, 0).to_owned()))
    }

    /// How many rows the server expects of a query, and how many bytes.
    ///
    /// # Errors
    /// What the server says.
    pub async fn estimate(&self, query: &str) -> Result<(u64, u64), StageError> {
        let rows = self.rows(&format!("EXPLAIN (FORMAT JSON) {query}")).await?;
        let lines: Vec<&str> = rows.iter().map(|row| text(row, 0)).collect();
        let plan: serde_json::Value = serde_json::from_str(&lines.join("\n")).unwrap_or_default();
        let number = |key: &str| plan[0]["Plan"][key].as_f64().unwrap_or_default();
        let (rows, width) = (number("Plan Rows"), number("Plan Width"));
        Ok((rows as u64, (rows * width) as u64))
    }

    /// The server's version, as 150004.
    ///
    /// # Errors
    /// What the server says.
    pub async fn version(&self) -> Result<u32, StageError> {
        let rows = self.rows("show server_version_num").await?;
        let version = rows.first().and_then(|row| text(row, 0).parse().ok());
        Ok(version.unwrap_or_default())
    }
}

/// The type of an OID; for a domain what it is of, through all domains.
fn base_type(oid: &str) -> String {
    format!(
        "with recursive base as (select b.oid, b.typname, b.typtype, b.typcategory, b.typbasetype \
         from pg_type b where b.oid = {oid} union all \
         select n.oid, n.typname, n.typtype, n.typcategory, n.typbasetype from pg_type n \
         join base on base.typtype = 'd' and n.oid = base.typbasetype) \
         select typname, typtype, typcategory from base where typtype <> 'd'"
    )
}

fn relation_of(row: &tokio_postgres::SimpleQueryRow) -> Relation {
    Relation {
        oid: text(row, 0).to_owned(),
        schema: text(row, 1).to_owned(),
        name: text(row, 2).to_owned(),
        kind: text(row, 3).chars().next().unwrap_or('r'),
        file_node: text(row, 4).to_owned(),
        pages: text(row, 5).parse().unwrap_or_default(),
        readable: text(row, 7) == "t" && text(row, 8) == "t",
        estimated_rows: text(row, 6).parse().unwrap_or_default(),
    }
}

fn column_of(row: &tokio_postgres::SimpleQueryRow) -> Column {
    let letter = |column| text(row, column).chars().next().unwrap_or(' ');
    Column {
        name: text(row, 0).to_owned(),
        type_name: text(row, 1).to_owned(),
        type_kind: letter(2),
        category: letter(3),
        can_be_missing: text(row, 4) != "t",
        readable: text(row, 5) == "t",
    }
}
