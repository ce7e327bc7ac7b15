//! What the partition of a day holds, and what that needs of the rest of a contract.

use super::column::ReadColumn;
use super::custom::{self, Properties};
use super::dataset::{is_broken, known_column};
use super::key::key;
use super::model::{Dedupe, Delivery, Keep};
use crate::{ColumnType, ContractError, Problems};

/// The delivery, and the column that marks tombstones.
pub(super) fn read(
    custom: &Properties,
    columns: &[ReadColumn],
    problems: &mut Problems,
) -> (Delivery, Option<String>) {
    let choices = [
        ("event", Delivery::Event),
        ("snapshot", Delivery::Snapshot),
        ("changes", Delivery::Changes),
    ];
    let delivery = custom.choose("delivery", &choices, &[]);
    let tombstone = custom.get("tombstone", |value| {
        let name = custom::text("tombstone", value)?;
        let column = known_column("tombstone", name, columns)?;
        if is_broken(columns, &column.name) {
            return Ok(column.name.clone());
        }
        if column.column_type != ColumnType::Boolean {
            return Err(ContractError::invalid(format!(
                "`tombstone` is `{}`, a column of type {}",
                column.name,
                column.column_type.sql()
            ))
            .with_hint(
                "name a column of `logicalType: boolean`; one that a `transformLogic` makes will \
                 do: `deleted_at is not null`",
            ));
        }
        if column.key_position.is_some() {
            return Err(ContractError::invalid(format!(
                "`tombstone` is `{}`, a column of the key",
                column.name
            ))
            .with_hint("a tombstone says something of a key: name a column outside of the key"));
        }
        Ok(column.name.clone())
    });
    let is_known = delivery.is_ok();
    let delivery = problems.keep_default(delivery);
    let tombstone = problems.keep_default(tombstone);
    if tombstone.is_some() && is_known && delivery != Delivery::Changes {
        problems.add(
            ContractError::invalid("`tombstone` without `delivery: changes`")
                .with_hint(
                    "only a new version of a key can say that the key is gone: declare \
                     `delivery: changes`, or leave `tombstone` out",
                )
                .at(custom.location("tombstone")),
        );
    }
    (delivery, tombstone)
}

/// Tells what a delivery lacks. `dedupe` is none where it could not be read.
pub(super) fn check(
    delivery: Delivery,
    custom: &Properties,
    columns: &[ReadColumn],
    dedupe: Option<&Option<Dedupe>>,
    problems: &mut Problems,
) {
    match delivery {
        Delivery::Event => {}
        Delivery::Snapshot => {
            let on_other_day = custom.get("onOtherDay", |value| {
                Ok(value.as_str() == Some("quarantine"))
            });
            if matches!(on_other_day, Ok(Some(true))) {
                problems.add(
                    ContractError::invalid("`onOtherDay: quarantine` with `delivery: snapshot`")
                        .with_hint(
                            "a snapshot holds rows of all days, and all but those of its own would \
                             be quarantined: leave `onOtherDay` out",
                        )
                        .at(custom.location("onOtherDay")),
                );
            }
        }
        Delivery::Changes => {
            let key = key(columns);
            if key.is_empty() {
                // A column that is broken may have been the key, and a `dedupe` by key says it itself.
                if dedupe.is_some() && columns.iter().all(|read| !read.is_broken) {
                    problems.add(
                        ContractError::invalid("`delivery: changes` without a key")
                            .with_hint(
                                "mark the columns that tell of what a row is a version with \
                                 `primaryKey: true`",
                            )
                            .at(custom.location("delivery")),
                    );
                }
            } else if let Some(dedupe) = dedupe {
                let checked = check_order(dedupe.as_ref(), &key);
                let at = match dedupe {
                    Some(_) => custom.location("dedupe"),
                    None => custom.location("delivery"),
                };
                problems.keep(checked.map_err(|error| error.at(at)));
            }
        }
    }
}

/// Without an order of versions nobody knows which one is the newest.
fn check_order(dedupe: Option<&Dedupe>, key: &[String]) -> Result<(), ContractError> {
    let hint = "write `{by: key, keep: latest, orderBy: [<column>]}` as the value of `dedupe`, with \
                a column that grows from one version of a key to the next, such as the time of the \
                change";
    let refuse = |message: &str| Err(ContractError::invalid(message).with_hint(hint));
    match dedupe {
        Some(Dedupe::ByKey {
            keep: Keep::Latest,
            order_by,
            ..
        }) if !order_by.is_empty() => {
            if order_by.iter().all(|column| key.contains(column)) {
                return refuse(
                    "`orderBy` names columns of the key alone, which all versions share",
                );
            }
            Ok(())
        }
        Some(Dedupe::ByKey {
            keep: Keep::First, ..
        }) => refuse(
            "`delivery: changes` with `keep: first`: the state is made of the newest versions",
        ),
        Some(Dedupe::None | Dedupe::ByRow) => {
            refuse("`delivery: changes` needs `dedupe` by key, and this one is not")
        }
        Some(Dedupe::ByKey { .. }) | None => {
            refuse("`delivery: changes` does not say which version of a key is the newest")
        }
    }
}
