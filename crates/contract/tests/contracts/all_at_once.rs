//! Everything that is wrong with a contract is told, once, where it is.

use lakehouse_contract::Contract;

const BROKEN: &str = r#"apiVersion: v3.1.0
kind: DataContract
id: parcels
version: ""
roles: [{role: reader}]
schema:
- name: parcels
  properties:
  - name: parcel_id
    logicalType: strng
    primaryKey: true
  - name: weight
    logicalType: number
    physicalType: DECIMAL(10,3)
    requird: true
    logicalTypeOptions: {minimum: heavy, maxLength: 3}
  - name: sent_at
    logicalType: timestamp
    required: soon
    customProperties:
    - {property: sourceFormat, vendor: lakehouse, value: {patterns: "%d", zone: UTC}}
  - name: recipient
    logicalType: string
    classification: confidential
  - name: postcode
    logicalType: string
    logicalTypeOptions:
      pattern: "(?=x)"
  - logicalType: string
  quality:
  - {name: enough, metric: rowCnt, mustBeGreaterThan: 0}
  - {name: sum, type: sql, query: SELECT 1, mustBe: many}
  customProperties:
  - {property: sort, vendor: lakehouse, value: [weight, hight]}
  - {property: eventTime, vendor: lakehouse, value: sent_at}
  - {property: maxQuarantined, vendor: lakehouse, value: 200}
  - {property: delivery, vendor: lakehouse, value: snapshots}
"#;

#[test]
fn everything_that_is_wrong_is_told_once_in_order() {
    let told: Vec<String> = Contract::judge(BROKEN)
        .unwrap_err()
        .iter()
        .map(|error| {
            let problem = error.problem();
            format!(
                "{}:{} {} | {}",
                problem.line.unwrap(),
                problem.column.unwrap(),
                problem.place,
                problem.message
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "4:10  | `version` is empty",
            "5:8  | `roles` would promise something that is not enforced: nothing here grants or denies access",
            "10:18 column `parcel_id` | `strng` is not a value of `logicalType`",
            "15:5 column `weight` | unknown key `requird`",
            "16:35 column `weight` | `heavy` is not a number",
            "16:53 column `weight` | `maxLength` has no meaning for type DECIMAL(10,3)",
            "19:15 column `sent_at` | found string \"soon\", expected a boolean",
            "21:58 column `sent_at` | unknown key `zone` in `sourceFormat`",
            "22:11 column `recipient` | it is classified and would be published as it is",
            "28:16 column `postcode` | `(?=x)` is not a pattern that the engine knows: look-around, including look-ahead and look-behind, is not supported",
            "29:5 column 6 | the key `name` is missing",
            "31:28 quality rule `enough` | `rowCnt` is not a value of `metric`",
            "32:35 quality rule `sum` | the query does not ask `{model}`",
            "32:53 quality rule `sum` | `mustBe`: `many` is not a number",
            "34:48  | `sort` names `hight`, which is not a column",
            "36:58  | `maxQuarantined: 200` is not a percentage",
            "37:52  | `snapshots` is not a value of `delivery`",
        ]
    );
}

#[test]
fn a_key_given_twice_hides_nothing_else() {
    let text = BROKEN.replacen("id: parcels\n", "id: parcels\nid: parcels\n", 1);
    let all = Contract::judge(&text).unwrap_err();
    assert_eq!(all.len(), 18);
    assert_eq!(
        all[0].to_string(),
        "the key `id` is given twice (line 4, column 1)"
    );
}

#[test]
fn what_is_not_yaml_is_one_problem() {
    let all = Contract::judge("schema: [\n").unwrap_err();
    assert_eq!(all.len(), 1);
    assert!(all[0].line().is_some());
}
