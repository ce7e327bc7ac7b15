//! Whether what a day holds is what is taken for it: that takes the contracts.

use std::collections::BTreeMap;

use super::{Pipeline, Table, Take};
use crate::{Contract, ContractError, Delivery, Name};

impl Pipeline {
    /// Tells of each dataset that comes from a database whether its contract's delivery fits what
    /// is taken. A dataset without a contract is passed over: what is wrong with it is told
    /// elsewhere.
    #[must_use]
    pub fn judge_takes(&self, contracts: &BTreeMap<Name, Contract>) -> Vec<ContractError> {
        let datasets = self.datasets.iter();
        datasets
            .filter_map(|(name, dataset)| {
                let (table, contract) = (dataset.source.table()?, contracts.get(name)?);
                let error = check(table, contract.delivery, &dataset.contract_path).err()?;
                Some(
                    error
                        .within(format!("dataset `{name}`"))
                        .at(table.take_position),
                )
            })
            .collect()
    }
}

fn check(table: &Table, delivery: Delivery, contract_path: &str) -> Result<(), ContractError> {
    match (&table.take, delivery) {
        (Take::Whole, Delivery::Snapshot)
        | (Take::Day { .. }, Delivery::Event | Delivery::Changes) => Ok(()),
        (Take::Whole, Delivery::Event | Delivery::Changes) => Err(ContractError::invalid(
            "`take: whole` takes the table as it is, and its contract does not say `delivery: snapshot`",
        )
        .with_hint(format!(
            "declare `delivery: snapshot` in {contract_path}, or write `take: {{day: <column>}}` for the \
             rows, or the changes, of a day"
        ))),
        (Take::Day { .. }, Delivery::Snapshot) => Err(ContractError::invalid(
            "`take: {day: …}` takes a day's rows, and its contract says `delivery: snapshot`: a day of it \
             is the whole table",
        )
        .with_hint(format!(
            "write `take: whole`; or declare `delivery: event`, or `changes` where the column is the time \
             of the last change, in {contract_path}"
        ))),
    }
}
