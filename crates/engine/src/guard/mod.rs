//! Looks at SQL from contracts and marts before it runs: what it reads, and what it may not do.
//!
//! The engine's own parser turns the text into a tree (`json_serialize_sql`), so that nothing is
//! guessed from text, and the tree is walked by lists of what is allowed: kinds of nodes, functions.
//! What is unknown is refused. A locked session ([`Session::lock`](crate::Session::lock)) would stop
//! what reaches outside too, but later, with data at hand, and with a message that does not say
//! what to do.
//!
//! | refused | because |
//! |---|---|
//! | more than one statement, anything but SELECT | a mart is one SELECT |
//! | table functions but `range`, `generate_series`, `unnest`; files as tables | a mart reads what it declares |
//! | clock, random, session and environment | the same input must give the same bytes |
//! | `first`, `list`, `string_agg` … without ORDER BY, samples | so must rows that are loaded in any order |
//! | TIMESTAMPTZ, AT TIME ZONE, other time-zone functions, collations of ICU | an engine built from source has no ICU |
//! | parameters | there is nobody to bind them |
//! | casts of text to numbers, dates, timestamps and booleans, in contracts | the engine rounds and guesses |
//! | sums of floating-point values, in marts | their last digits depend on the order of rows |
//!
//! The last two are judged by types, so on the tree that the engine has bound: [`check_text_casts`],
//! [`check_float_aggregates`].

mod bound;
mod functions;
mod names;
mod nodes;
mod walk;

pub use bound::{check_float_aggregates, check_text_casts};

use std::collections::BTreeSet;

use lakehouse_contract::quote;
use serde_json::Value as Json;

use crate::error::{EngineError, SqlErrorKind};
use crate::session::Session;
use walk::{Allowed, Walker};

/// The engine nests an expression up to a thousand levels deep: several thousand levels of JSON.
const WALK_STACK_BYTES: usize = 64 * 1024 * 1024;

/// What a SELECT refers to, in lowercase.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// Tables and views as (schema, name); the schema is empty where the text gives none. Names
    /// that the SELECT defines itself (`WITH`) are not among them.
    pub tables: BTreeSet<(String, String)>,
    /// Functions, operators among them.
    pub functions: BTreeSet<String>,
}

/// What an expression refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expression {
    /// Columns as the text names them, part by part: `source."a.b"` is `["source", "a.b"]`, and
    /// `source` alone is all of it.
    pub columns: BTreeSet<Vec<String>>,
    /// Functions in lowercase, operators among them.
    pub functions: BTreeSet<String>,
}

/// Checks that `sql` is one SELECT that does nothing a mart may not do, and says what it reads.
///
/// Whether it binds, [`Session::describe`](crate::Session::describe) tells.
///
/// # Errors
///
/// [`EngineError::Refused`] with what and why and what to do; [`EngineError::Sql`] where the text
/// is not SQL.
pub fn check_select(session: &Session, sql: &str) -> Result<References, EngineError> {
    let tree = parse(session, sql, "SELECT")?;
    let found = walk_tree(&tree, Allowed::Select)?;
    Ok(References {
        tables: found.tables,
        functions: found.functions,
    })
}

/// Checks that `expression` is one expression over the columns of one row, and says which.
///
/// # Errors
///
/// As [`check_select`].
pub fn check_expression(session: &Session, expression: &str) -> Result<Expression, EngineError> {
    let tree = parse(session, &format!("SELECT {expression}"), "expression")?;
    let only_one = |tree: &Json| {
        nodes::sole_expression(tree).map(|_| ()).ok_or_else(|| {
            EngineError::refused(
                format!("`{expression}` is more than one expression"),
                "write one expression over the row's columns: no list, alias, FROM, WHERE or ORDER BY",
            )
        })
    };
    only_one(&tree)?;
    // In brackets, as it will be used: a comment at its end would swallow the closing one, and
    // `1) FROM x -- ` would be two things.
    let bracketed =
        parse(session, &format!("SELECT ({expression})"), "expression").map_err(|_| {
            EngineError::refused(
                format!("the expression `{expression}` cannot stand in brackets"),
                "write one expression, without a comment at its end",
            )
        })?;
    only_one(&bracketed)?;
    let found = walk_tree(&tree, Allowed::Expression)?;
    Ok(Expression {
        columns: found.columns,
        functions: found.functions,
    })
}

/// The one statement's tree.
fn parse(session: &Session, sql: &str, what: &str) -> Result<Json, EngineError> {
    if sql.contains('\0') {
        return Err(EngineError::refused(
            format!("the {what} holds a NUL character"),
            "remove it",
        ));
    }
    let tree = serialised(
        session,
        &format!(
            "json_serialize_sql({}, skip_default := true, skip_empty := true, skip_null := true)",
            quote::literal(sql)
        ),
        what,
    )?;
    if tree["error"].as_bool() != Some(false) {
        return Err(parse_error(&tree, sql, what));
    }
    match tree["statements"].as_array().map(Vec::as_slice) {
        Some([statement]) => Ok(statement.clone()),
        Some([]) | None => Err(EngineError::refused(
            format!("there is no {what}"),
            "write one",
        )),
        Some(several) => Err(EngineError::refused(
            format!(
                "there are {} statements where one {what} is expected",
                several.len()
            ),
            "write one SELECT; common parts can go into a WITH",
        )),
    }
}

/// The JSON that a call of one of the engine's functions returns.
fn serialised(session: &Session, call: &str, what: &str) -> Result<Json, EngineError> {
    let rows = session.query(&format!("SELECT CAST({call} AS VARCHAR)"))?;
    let text = rows
        .first()
        .and_then(|row| row.first()?.as_str())
        .unwrap_or_default();
    let broken = |error: String| {
        EngineError::from_engine(
            SqlErrorKind::Internal,
            &format!("the engine's tree of the {what} cannot be read: {error}"),
        )
    };
    on_large_stack(|| {
        let mut reader = serde_json::Deserializer::from_str(text);
        reader.disable_recursion_limit();
        let tree = reader.into_iter::<Json>().next();
        tree.unwrap_or_else(|| Ok(Json::Null))
            .map_err(|error| error.to_string())
    })?
    .map_err(broken)
}

fn parse_error(tree: &Json, sql: &str, what: &str) -> EngineError {
    let message = tree["error_message"].as_str().unwrap_or("unknown error");
    if tree["error_type"].as_str() == Some("not implemented") {
        return EngineError::refused(
            format!("the {what} is another kind of statement"),
            "write one plain SELECT: nothing that creates, copies, changes, attaches or sets anything",
        );
    }
    let position = tree["position"]
        .as_str()
        .and_then(|position| position.parse::<usize>().ok());
    let place = position
        .filter(|position| sql.is_char_boundary(*position))
        .map(|position| {
            let before = &sql[..position];
            let line = before.matches('\n').count() + 1;
            let column = before
                .rsplit('\n')
                .next()
                .unwrap_or_default()
                .chars()
                .count()
                + 1;
            format!(" (line {line}, column {column})")
        });
    EngineError::Sql {
        kind: SqlErrorKind::Parser,
        message: format!(
            "the {what} is not SQL: {message}{}",
            place.unwrap_or_default()
        ),
    }
}

fn walk_tree(tree: &Json, allowed: Allowed) -> Result<walk::Found, EngineError> {
    on_large_stack(|| {
        let mut walker = Walker::new(allowed);
        walker.statement(tree)?;
        Ok(walker.found)
    })?
}

/// Runs something recursive where a deep tree does not overflow the stack.
fn on_large_stack<T: Send>(run: impl FnOnce() -> T + Send) -> Result<T, EngineError> {
    let failed = |what: &str| EngineError::from_engine(SqlErrorKind::Internal, what);
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(WALK_STACK_BYTES)
            .spawn_scoped(scope, run)
            .map_err(|error| failed(&format!("no thread to look at the SQL with: {error}")))?
            .join()
            .map_err(|_| EngineError::Panic("while looking at SQL".into()))
    })
}
