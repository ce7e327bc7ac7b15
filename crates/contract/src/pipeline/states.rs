//! Whether what marts read as a state has one: that takes the contracts.

use std::collections::BTreeMap;

use super::window::HISTORY_DATE;
use super::{Input, Pipeline, Window};
use crate::{Contract, ContractError, Delivery, Name};

impl Pipeline {
    /// Tells of each mart that reads a state or a history whether its dataset has one. A dataset
    /// without a contract is passed over: what is wrong with it is told elsewhere.
    #[must_use]
    pub fn judge_states(&self, contracts: &BTreeMap<Name, Contract>) -> Vec<ContractError> {
        let mut problems = Vec::new();
        for (name, mart) in &self.marts {
            for (input, window) in &mart.reads {
                let Input::Silver(dataset) = input else {
                    continue;
                };
                let Some(contract) = contracts.get(dataset) else {
                    continue;
                };
                let contract_path = self
                    .datasets
                    .get(dataset)
                    .map_or("its contract", |dataset| dataset.contract_path.as_str());
                if let Err(error) = check(input, *window, contract, contract_path) {
                    let error = error.within(format!("mart `{name}`"));
                    problems.push(match mart.reads_positions.get(input) {
                        Some(position) => error.at(*position),
                        None => error,
                    });
                }
            }
        }
        problems
    }
}

fn check(
    input: &Input,
    window: Window,
    contract: &Contract,
    contract_path: &str,
) -> Result<(), ContractError> {
    if !window.is_of_state() {
        return Ok(());
    }
    if contract.delivery == Delivery::Event {
        return Err(ContractError::invalid(format!(
            "`{input}` has no {window}: its contract says `delivery: event`, so a day holds the rows of \
             that day and no versions"
        ))
        .with_hint(format!(
            "read it with the window `day`; or, where a day of it holds the whole table or new \
             versions of keys, declare `delivery: snapshot` or `changes` in {contract_path}"
        )));
    }
    if window == Window::History
        && let Some(column) = contract.column(HISTORY_DATE)
    {
        return Err(ContractError::invalid(format!(
            "the history of `{input}` has the column `{HISTORY_DATE}`, and the contract has a column \
             `{}` too",
            column.name
        ))
        .with_hint(format!(
            "give the contract's column another name in {contract_path}, and its old one as `sourcePath`"
        )));
    }
    Ok(())
}
