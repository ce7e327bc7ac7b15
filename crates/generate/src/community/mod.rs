//! Days of a community app: users, groups and activities as PostgreSQL has them, messages,
//! notifications, purchases and sessions as Cassandra has them.
//!
//! Every row is a pure function of the seed, the user and the day, so that a table as of a day is
//! made without the days before it, and memory does not depend on the number of users.

mod csv;
mod day;
mod moment;
mod user;

use std::path::PathBuf;

use chrono::{Days, NaiveDate};

use crate::GenerateError;
use crate::output::{OutputFile, create_folder};

use csv::Row;
use day::Day;

/// What to generate.
#[derive(Debug, Clone)]
pub struct CommunityOptions {
    /// How many users ever join.
    pub users: u64,
    /// The first day.
    pub date: NaiveDate,
    /// How many days.
    pub days: u16,
    /// Chooses the sample.
    pub seed: u64,
    /// Whether columns are written that no contract reads, as the databases have them.
    pub all_columns: bool,
    /// The folder to write to.
    pub output: PathBuf,
}

/// What was generated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommunitySummary {
    /// Rows by table, of all days.
    pub rows: Vec<(&'static str, u64)>,
    /// Size of the files together.
    pub bytes: u64,
}

/// A table of the app.
struct Table {
    name: &'static str,
    header: &'static str,
}

/// The tables in the order of the files; their rows come from [`Day`].
const TABLES: [Table; 9] = [
    table(
        "users",
        "id,first_name,last_name,email,created_at,updated_at",
    ),
    table("groups", "id,name,created_at"),
    table("groups_users", "group_id,user_id,role,joined_at"),
    table(
        "activities",
        "id,group_id,user_id,activity_type,title,location,scheduled_at,status,created_at",
    ),
    table(
        "notification_states",
        "id,user_id,notification_id,status,updated_at",
    ),
    table("group_messages", "group_id,created_at,message_id,user_id"),
    table(
        "user_notifications",
        "user_id,notification_time,notification_id,content,state,modified_at",
    ),
    table(
        "user_purchases",
        "user_id,purchase_time,purchase_id,product_type,amount,currency",
    ),
    table(
        "user_session_events",
        "user_id,event_time,session_id,event_type",
    ),
];

/// The headers of tables that have columns which no contract reads.
const ALL_COLUMNS: [Table; 3] = [
    table(
        "users",
        "id,first_name,last_name,email,password,created_at,updated_at",
    ),
    table(
        "activities",
        "id,group_id,user_id,activity_type,title,description,location,scheduled_at,status,created_at",
    ),
    table(
        "group_messages",
        "group_id,created_at,message_id,user_id,content",
    ),
];

/// The tables in the words of the two databases.
const SCHEMAS: [(&str, &str); 2] = [
    ("postgresql.sql", include_str!("postgresql.sql")),
    ("cassandra.cql", include_str!("cassandra.cql")),
];

const fn table(name: &'static str, header: &'static str) -> Table {
    Table { name, header }
}

/// Writes `schema/…` and, for each table, a file a day; each appears whole.
pub fn generate_community(options: &CommunityOptions) -> Result<CommunitySummary, GenerateError> {
    let mut summary = CommunitySummary {
        rows: TABLES.iter().map(|table| (table.name, 0)).collect(),
        bytes: 0,
    };
    let folder = options.output.join("schema");
    create_folder(&folder)?;
    for (name, text) in SCHEMAS {
        let mut file = OutputFile::create(&folder, name)?;
        file.write(text.as_bytes())?;
        summary.bytes += file.finish()?;
    }
    for date in
        (0..u64::from(options.days)).filter_map(|day| options.date.checked_add_days(Days::new(day)))
    {
        let day = Day::new(date, options.seed, options.users, options.all_columns);
        for (place, table) in TABLES.iter().enumerate() {
            let folder = options.output.join(table.name);
            create_folder(&folder)?;
            let mut file = OutputFile::create(&folder, &format!("{date}.csv"))?;
            file.write(header(table, options.all_columns).as_bytes())?;
            file.write(b"\n")?;
            let mut rows = 0;
            day.write(table.name, &mut |row: &Row| {
                rows += 1;
                file.write(row.line())
            })?;
            summary.rows[place].1 += rows;
            summary.bytes += file.finish()?;
        }
    }
    Ok(summary)
}

fn header(table: &Table, all_columns: bool) -> &'static str {
    ALL_COLUMNS
        .iter()
        .filter(|_| all_columns)
        .find(|other| other.name == table.name)
        .map_or(table.header, |other| other.header)
}

#[cfg(test)]
mod tests;
