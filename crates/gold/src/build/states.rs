//! The states that an instance reads.

use std::collections::BTreeMap;

use lakehouse_contract::{Input, Name};
use lakehouse_stage::StageError;

use super::Builder;
use crate::instance::{Instance, Pins};
use crate::state::{Source, Wanted};

impl Builder<'_> {
    /// Brings the states that an instance reads to its date, and pins what they are made of.
    pub(super) async fn bring_states(
        &mut self,
        instance: &Instance<'_>,
        pins: &mut Pins,
    ) -> Result<BTreeMap<Name, Source>, StageError> {
        let mut sources = BTreeMap::new();
        for (input, partitions) in pins.iter_mut() {
            let (Input::Silver(dataset), Some(rule)) = (input, instance.rule(input)) else {
                continue;
            };
            if !instance.merges(input) || partitions.is_empty() {
                continue;
            }
            let wanted = Wanted {
                dataset,
                rule,
                partitions,
                keep: self.kept_dates.contains(&instance.date),
            };
            let (made_of, source) = self
                .states
                .bring(&self.session, &mut self.inputs, &wanted)
                .await?;
            *partitions = made_of;
            sources.insert(dataset.clone(), source);
        }
        Ok(sources)
    }

    /// Opens them as the tables that the mart's SELECT names.
    pub(super) fn open_states(
        &self,
        instance: &Instance<'_>,
        pins: &Pins,
    ) -> Result<(), StageError> {
        for input in instance.mart.definition.reads.keys() {
            let (Input::Silver(dataset), Some(rule)) = (input, instance.rule(input)) else {
                continue;
            };
            if instance.merges(input) {
                let is_empty = pins.get(input).is_none_or(Vec::is_empty);
                self.states
                    .open(&self.session, &self.inputs, dataset, rule, is_empty)?;
            }
        }
        Ok(())
    }
}
