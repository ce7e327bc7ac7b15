//! Inputs as the tables that a SELECT names: views over files, or over what was loaded of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lakehouse_bind::EngineFailure;
use lakehouse_bind::marts::{relation, schema_and_name};
use lakehouse_contract::quote::identifier;
use lakehouse_contract::{HISTORY_DATE, Input, RunDate, Window};
use lakehouse_engine::Session;
use lakehouse_stage::StageError;

use super::{DATE_COLUMN, Held, Inputs, day, remove, table};
use crate::instance::{Instance, Pins, WindowDays};

impl Inputs<'_> {
    /// Opens an instance's inputs as `silver.<dataset>` and `gold.<mart>`; what is absent is
    /// empty, with its types.
    ///
    /// # Errors
    /// Engine failures, a full disk.
    pub fn open(
        &mut self,
        session: &Session,
        instance: &Instance<'_>,
        pins: &Pins,
    ) -> Result<(), StageError> {
        for (input, window) in &instance.mart.definition.reads {
            let action = format!("open `{input}` for {instance}");
            let days = instance.days(*window);
            let pinned = pins.get(input).map(Vec::as_slice).unwrap_or_default();
            match window {
                Window::State(_) if instance.merges(input) => {}
                Window::Day | Window::State(_) if !self.tables.contains_key(input) => {
                    let paths: Vec<PathBuf> = pinned
                        .iter()
                        .filter_map(|(date, _)| match self.held.get(&(input.clone(), *date)) {
                            Some(Held::File { path, .. }) => Some(path.clone()),
                            _ => None,
                        })
                        .collect();
                    let (schema, name) = schema_and_name(input);
                    let columns = self.columns(input);
                    session
                        .read_parquet_view(schema, name.as_str(), &paths, Some(&columns))
                        .stage(&action)?;
                }
                Window::Day | Window::State(_) => {
                    self.load(session, input, pinned, &action)?;
                    let condition = match pinned {
                        [(date, _), ..] => format!("{DATE_COLUMN} = {}", day(date.date())),
                        [] => "false".to_owned(),
                    };
                    self.table_view(session, input, &condition, None, &action)?;
                }
                Window::Days(_) | Window::All | Window::History => {
                    self.load(session, input, pinned, &action)?;
                    let added = (*window == Window::History).then_some(HISTORY_DATE);
                    self.table_view(session, input, &in_window(&days), added, &action)?;
                }
            }
        }
        Ok(())
    }

    /// Brings the pinned partitions that are not there yet into the input's table.
    fn load(
        &mut self,
        session: &Session,
        input: &Input,
        pinned: &[(RunDate, String)],
        action: &str,
    ) -> Result<(), StageError> {
        let table = table(input);
        let columns = self.columns(input);
        if !self.tables.contains_key(input) {
            let definitions: Vec<String> = columns
                .iter()
                .map(|(column, sql_type)| format!("{} {sql_type}", identifier(column)))
                .collect();
            session
                .execute(&format!(
                    "CREATE SCHEMA IF NOT EXISTS partials; CREATE TABLE {table} ({}, {DATE_COLUMN} DATE)",
                    definitions.join(", ")
                ))
                .stage(action)?;
            self.tables.insert(input.clone(), BTreeMap::new());
        }
        let loaded = self.tables.entry(input.clone()).or_default();
        for (date, _) in pinned {
            let Some(held) = self.held.get_mut(&(input.clone(), *date)) else {
                continue;
            };
            let Held::File {
                sha256,
                path,
                is_copy,
            } = &*held
            else {
                continue;
            };
            if loaded.get(date) == Some(sha256) {
                continue;
            }
            let day = day(date.date());
            if loaded.contains_key(date) {
                session
                    .execute(&format!("DELETE FROM {table} WHERE {DATE_COLUMN} = {day}"))
                    .stage(action)?;
            }
            session
                .read_parquet_view(
                    "partials",
                    "one_day",
                    std::slice::from_ref(path),
                    Some(&columns),
                )
                .stage(action)?;
            session
                .execute(&format!(
                    "INSERT INTO {table} SELECT *, {day} FROM partials.one_day"
                ))
                .stage(action)?;
            loaded.insert(*date, sha256.clone());
            if *is_copy {
                remove(path);
                *held = Held::Loaded {
                    sha256: sha256.clone(),
                };
            }
        }
        Ok(())
    }

    /// Makes a view of an input's table; `added` is what the date of a row's partition is called in
    /// it, where it has that.
    fn table_view(
        &self,
        session: &Session,
        input: &Input,
        condition: &str,
        added: Option<&str>,
        action: &str,
    ) -> Result<(), StageError> {
        let (schema, _) = schema_and_name(input);
        let added = added
            .map(|name| format!(", {DATE_COLUMN} AS {}", identifier(name)))
            .unwrap_or_default();
        session
            .execute(&format!(
                "CREATE SCHEMA IF NOT EXISTS {}; \
                 CREATE OR REPLACE VIEW {} AS SELECT {}{added} FROM {} WHERE {condition}",
                identifier(schema),
                relation(input),
                self.names(input),
                table(input),
            ))
            .stage(action)?;
        Ok(())
    }
}

fn in_window(days: &WindowDays) -> String {
    let lower = days
        .first()
        .map(|first| format!(" AND {DATE_COLUMN} >= {}", day(first)))
        .unwrap_or_default();
    format!("{DATE_COLUMN} <= {}{lower}", day(days.last().date()))
}
