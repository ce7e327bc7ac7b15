//! The pipeline's marts, bound before any data is touched, and which of them are wanted.

use std::collections::BTreeSet;

use lakehouse_bind::{BoundMart, EngineFailure, bind_marts};
use lakehouse_contract::{Input, Name};
use lakehouse_engine::{Session, SessionOptions};
use lakehouse_stage::{Context, StageError};

use crate::Kind;

/// All marts of the pipeline in dependency order, and the selection.
pub struct Marts {
    all: Vec<BoundMart>,
    only: Vec<Name>,
}

impl Marts {
    /// Binds every mart and remembers which are wanted (all, without `only`).
    ///
    /// # Errors
    /// An unknown mart, one that does not bind or reads what it may not (exit 2).
    pub fn load(context: &Context, only: &[Name]) -> Result<Self, StageError> {
        let only = context.marts(only)?;
        let session = Session::open(&session_options(context)).stage("open the engine")?;
        let all = bind_marts(
            &session,
            &context.pipeline,
            &context.contracts,
            &context.mart_sql,
            context.date.date(),
        )?;
        Ok(Self { all, only })
    }

    /// The wanted marts, of one kind or of both, in dependency order.
    #[must_use]
    pub fn selected(&self, kind: Option<Kind>) -> Vec<&BoundMart> {
        self.all
            .iter()
            .filter(|mart| kind.is_none_or(|kind| kind == Kind::of(&mart.definition)))
            .filter(|mart| self.only.contains(&mart.name))
            .collect()
    }

    /// The marts that read one of the wanted ones, directly or through others, in dependency
    /// order, without those that are wanted themselves.
    #[must_use]
    pub fn dependents(&self) -> Vec<&BoundMart> {
        let mut changed: BTreeSet<&Name> = self.only.iter().collect();
        let mut dependents = Vec::new();
        for mart in &self.all {
            let depends = mart
                .definition
                .reads
                .keys()
                .any(|input| matches!(input, Input::Gold(name) if changed.contains(name)));
            if depends && changed.insert(&mart.name) {
                dependents.push(mart);
            }
        }
        dependents
    }

    /// The columns of a mart, wanted or not.
    #[must_use]
    pub fn columns_of(&self, name: &Name) -> &[(String, String)] {
        self.all
            .iter()
            .find(|mart| mart.name == *name)
            .map(|mart| mart.columns.as_slice())
            .unwrap_or_default()
    }
}

/// The options under which marts are computed.
#[must_use]
pub fn session_options(context: &Context) -> SessionOptions {
    SessionOptions {
        workspace: context.workspace.path().to_path_buf(),
        memory_limit_bytes: context.memory_limit_bytes,
        threads: context.threads,
        pseudonym_key: None,
    }
}
