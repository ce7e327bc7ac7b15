//! From a contract to rows.

use lakehouse_contract::Contract;
use lakehouse_reader::{ReadPlan, ReaderOptions};

use crate::support::*;

const CONTRACT: &str = r#"
apiVersion: v3.2.0
kind: DataContract
id: sales
name: Sales
version: 1.0.0
status: active
schema:
  - name: sales
    logicalType: object
    properties:
      - name: id
        logicalType: string
        required: true
        transformLogic: nullif(trim(id), '')
      - name: sold_at
        logicalType: timestamp
        required: true
        customProperties: [{property: sourcePath, vendor: lakehouse, value: date}]
      - name: price
        logicalType: number
        physicalType: DECIMAL(18,2)
        customProperties:
          - {property: sourcePath, vendor: lakehouse, value: product.price}
          - {property: onInvalid, vendor: lakehouse, value: setNull}
      - {name: quantity, logicalType: integer, required: true, logicalTypeOptions: {format: i32}}
      - name: total
        logicalType: number
        physicalType: DECIMAL(18,2)
        required: true
        transformLogic: coalesce(total, price * quantity)
      - name: comment
        logicalType: string
        transformLogic: source."note.text"
"#;

fn plan() -> ReadPlan {
    ReadPlan::from_contract(&Contract::parse(CONTRACT).unwrap()).unwrap()
}

#[test]
fn columns_with_a_source_and_texts_that_transforms_ask_for() {
    let columns: Vec<String> = plan()
        .columns()
        .into_iter()
        .map(|(name, column_type)| format!("{name} {}", column_type.sql()))
        .collect();
    assert_eq!(
        columns,
        [
            "id VARCHAR",
            "sold_at TIMESTAMP",
            "price DECIMAL(18,2)",
            "quantity INTEGER",
            "total DECIMAL(18,2)",
            "source.note.text VARCHAR",
            "_lake_file INTEGER",
            "_lake_position BIGINT",
            "_lake_offset BIGINT",
            "_lake_broken VARCHAR",
            "_lake_repaired VARCHAR",
        ]
    );
    let file = r#"{"id":7,"date":"2011-08-12T09:04:00+02:00","product":{"price":"x"},"quantity":2.5,"note":{"text":"hi"}}"#;
    assert_eq!(
        read(&plan(), ReaderOptions::new(LINES), file).short(),
        ["7|2011-08-12 07:04:00|NULL|NULL|NULL|hi !quantity:type ~price:setNull"]
    );
}

#[test]
fn a_header_needs_what_nothing_else_can_make() {
    let read = |file: &str| {
        let read = read(&plan(), ReaderOptions::new(csv()), file);
        read.unreadable().map(|(_, _, reason)| reason.to_owned())
    };
    assert_eq!(read("id,date,quantity\n1,2011-08-12 09:04,2\n"), None);
    let missing = "the header lacks the required column `id`, `date`, `quantity`; it has `total`, \
                   `product.price`";
    assert_eq!(read("total,product.price\n1,2\n").as_deref(), Some(missing));
}
