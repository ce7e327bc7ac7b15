//! Rules about a dataset as a whole, in the standard's words.

use super::column::ReadColumn;
use super::dataset::{known_column, take_column_rules};
use super::model::{Bound, QualityKind, QualityRule, Severity, Unit};
use super::raw::{self, RawQuality};
use crate::yaml::{At, Spanned, choose};
use crate::{ContractError, Number, Problems, quote};

const DIMENSIONS: [(&str, &str); 7] = [
    ("accuracy", "accuracy"),
    ("completeness", "completeness"),
    ("conformity", "conformity"),
    ("consistency", "consistency"),
    ("coverage", "coverage"),
    ("timeliness", "timeliness"),
    ("uniqueness", "uniqueness"),
];
/// What a query may call the dataset.
pub(crate) const MODEL_WORDS: [&str; 3] = ["model", "table", "object"];
/// What a query beside a column may call it.
const COLUMN_WORDS: [&str; 3] = ["column", "property", "field"];

/// All rules: first those of the dataset, then those beside its columns.
pub(super) fn read_all(
    raw: Vec<Spanned<RawQuality>>,
    columns: &[ReadColumn],
    problems: &mut Problems,
) -> Vec<QualityRule> {
    let mut rules = Vec::new();
    for rule in &raw {
        rules.extend(read_one(rule, None, columns, problems));
    }
    for (column, raw) in take_column_rules(columns) {
        for rule in raw {
            problems.part(
                |error| error.within(format!("column `{column}`")),
                |problems| rules.extend(read_one(rule, Some(column), columns, problems)),
            );
        }
    }
    rules
}

fn read_one(
    rule: &Spanned<RawQuality>,
    column: Option<&str>,
    columns: &[ReadColumn],
    problems: &mut Problems,
) -> Option<QualityRule> {
    let mut found = Problems::default();
    let read = read(rule, column, columns, &mut found);
    // What is missing in a rule that was not understood may have been there.
    found.keep_if(|error| rule.is_whole || error.line().is_some());
    let is_sound = rule.is_whole && found.count() == 0;
    let name = rule.value.name.as_ref();
    problems.append(found, |error| {
        let error = match name {
            Some(name) => error.within(format!("quality rule `{}`", name.value)),
            None => error,
        };
        error.at(rule.referenced)
    });
    read.filter(|_| is_sound)
}

/// Reports, logs and hints call a rule by its name, so that has to be unique.
pub(super) fn check_names(rules: &[QualityRule], problems: &mut Problems) {
    for (place, rule) in rules.iter().enumerate() {
        if rules[..place].iter().any(|other| other.name == rule.name) {
            let error =
                ContractError::invalid(format!("two quality rules are called `{}`", rule.name))
                    .with_hint("give each rule a `name` of its own");
            problems.add(match rule.position {
                Some(position) => error.at(position),
                None => error,
            });
        }
    }
}

fn read(
    rule: &Spanned<RawQuality>,
    column: Option<&str>,
    columns: &[ReadColumn],
    problems: &mut Problems,
) -> Option<QualityRule> {
    let raw = &rule.value;
    raw::refuse(
        &[
            ("scheduler", &raw.scheduler),
            ("schedule", &raw.schedule),
            ("method", &raw.method),
            ("engine", &raw.engine),
            ("implementation", &raw.implementation),
        ],
        problems,
    );
    let severities = [("error", Severity::Error), ("warning", Severity::Warning)];
    let severity = problems.keep_default(pick("severity", &raw.severity, &severities));
    let dimension = raw.dimension.as_ref().and_then(|text| {
        let known = choose("dimension", &text.value, &DIMENSIONS, &[]);
        problems.keep(known.map_err(|error| error.at(text.referenced)))
    });
    let kind = problems.keep(read_kind(raw, column, columns));
    let bound = match read_bound(raw) {
        // A kind of rule that is refused may need no bound.
        Err(error) if kind.is_none() && error.line().is_none() => None,
        bound => problems.keep(bound),
    };
    let kind = kind?;
    let unit = problems.keep_default(read_unit(raw, &kind));
    Some(QualityRule {
        name: raw
            .name
            .as_ref()
            .map_or_else(|| default_name(&kind), |name| name.value.clone()),
        severity,
        bound: bound?,
        kind,
        unit,
        position: Some(match &raw.query {
            Some(query) => query.referenced,
            None => rule.referenced,
        }),
        dimension: dimension.map(str::to_owned),
        description: raw.description.clone(),
    })
}

fn pick<T: Copy + Default>(
    key: &str,
    text: &At<String>,
    choices: &[(&str, T)],
) -> Result<T, ContractError> {
    match text {
        None => Ok(T::default()),
        Some(text) => {
            choose(key, &text.value, choices, &[]).map_err(|error| error.at(text.referenced))
        }
    }
}

fn default_name(kind: &QualityKind) -> String {
    match kind {
        QualityKind::RowCount => "row_count".to_owned(),
        QualityKind::NullValues { column } => format!("null_values_{column}"),
        QualityKind::DuplicateValues { columns } => {
            format!("duplicate_values_{}", columns.join("_"))
        }
        QualityKind::Sql { .. } => "sql".to_owned(),
    }
}

fn read_kind(
    raw: &RawQuality,
    column: Option<&str>,
    columns: &[ReadColumn],
) -> Result<QualityKind, ContractError> {
    if let Some(rule) = &raw.rule {
        return Err(
            ContractError::invalid("`rule` is the older standard's word for `metric`")
                .with_hint(format!("write `metric: {}`", rule.value))
                .at(rule.referenced),
        );
    }
    let is_sql = match raw
        .kind
        .as_ref()
        .map(|kind| (kind.value.as_str(), kind.referenced))
    {
        None => raw.metric.is_none() && raw.query.is_some(),
        Some(("library", _)) => false,
        Some(("sql", _)) => true,
        Some((other @ ("text" | "custom"), location)) => {
            return Err(ContractError::not_enforced(format!("nothing measures a rule of `type: {other}`"))
                .with_hint("write `type: sql` or `type: library`; what only describes belongs in `description`")
                .at(location));
        }
        Some((other, location)) => {
            return choose("type", other, &[("library", ()), ("sql", ())], &[])
                .map(|()| QualityKind::RowCount)
                .map_err(|error| error.at(location));
        }
    };
    if is_sql {
        read_sql(raw, column)
    } else {
        read_metric(raw, column, columns)
    }
}

fn read_sql(raw: &RawQuality, column: Option<&str>) -> Result<QualityKind, ContractError> {
    if let Some(metric) = &raw.metric {
        return Err(
            ContractError::invalid("`metric` has no effect on a rule of `type: sql`")
                .with_hint("leave one of the two out")
                .at(metric.referenced),
        );
    }
    if let Some(arguments) = &raw.arguments {
        return Err(
            ContractError::invalid("`arguments` have no effect on a rule of `type: sql`")
                .with_hint("write them into the query")
                .at(arguments.referenced),
        );
    }
    let Some(query) = &raw.query else {
        return Err(
            ContractError::invalid("a rule of `type: sql` needs a `query`")
                .with_hint("write `query: SELECT count(*) FROM {model} WHERE …`"),
        );
    };
    let mut text = query.value.trim().trim_end_matches(';').to_owned();
    for word in COLUMN_WORDS {
        for placeholder in [format!("${{{word}}}"), format!("{{{word}}}")] {
            match column {
                Some(column) => text = text.replace(&placeholder, &quote::identifier(column)),
                None if text.contains(&placeholder) => {
                    return Err(ContractError::invalid(format!(
                        "`{placeholder}` does not stand for a column here"
                    ))
                    .with_hint("write the column's name, or put the rule beside the column")
                    .at(query.referenced));
                }
                None => {}
            }
        }
    }
    let asks_model = MODEL_WORDS
        .iter()
        .any(|word| text.contains(&format!("{{{word}}}")));
    if !asks_model {
        return Err(ContractError::invalid("the query does not ask `{model}`")
            .with_hint("`{model}` stands for the dataset: `SELECT count(*) FROM {model} WHERE …`")
            .at(query.referenced));
    }
    Ok(QualityKind::Sql { query: text })
}

fn read_metric(
    raw: &RawQuality,
    column: Option<&str>,
    columns: &[ReadColumn],
) -> Result<QualityKind, ContractError> {
    if let Some(query) = &raw.query {
        return Err(
            ContractError::invalid("`query` has no effect on a `metric`")
                .with_hint("write `type: sql`, or leave out the query")
                .at(query.referenced),
        );
    }
    let choices = [
        ("rowCount", 'r'),
        ("nullValues", 'n'),
        ("duplicateValues", 'd'),
    ];
    let Some(metric) = &raw.metric else {
        return Err(ContractError::invalid("the rule does not say what it measures")
            .with_hint("write `metric: rowCount`, `nullValues` or `duplicateValues`, or `type: sql` with a `query`"));
    };
    let at_metric = |error: ContractError| error.at(metric.referenced);
    let kind = choose(
        "metric",
        &metric.value,
        &choices,
        &["missingValues", "invalidValues"],
    )
    .map_err(at_metric)?;
    let listed = match &raw.arguments {
        Some(arguments) => {
            let location = arguments.referenced;
            let names = arguments.value.properties.iter().flatten();
            names
                .map(|name| {
                    known_column("properties", name, columns).map(|column| column.name.clone())
                })
                .collect::<Result<Vec<String>, _>>()
                .map_err(|error| error.at(location))?
        }
        None => Vec::new(),
    };
    match (kind, column) {
        ('r', None) if listed.is_empty() => Ok(QualityKind::RowCount),
        ('r', _) => Err(at_metric(
            ContractError::invalid("`rowCount` is about the whole dataset")
                .with_hint("put the rule under the dataset's `quality`, without `arguments`"),
        )),
        ('n', Some(column)) if listed.is_empty() => Ok(QualityKind::NullValues {
            column: column.to_owned(),
        }),
        ('n', None) if listed.len() == 1 => Ok(QualityKind::NullValues {
            column: listed[0].clone(),
        }),
        ('n', _) => Err(at_metric(
            ContractError::invalid("`nullValues` is about one column")
                .with_hint("put the rule under the column's own `quality`"),
        )),
        (_, Some(column)) if listed.is_empty() => Ok(QualityKind::DuplicateValues {
            columns: vec![column.to_owned()],
        }),
        (_, None) if !listed.is_empty() => Ok(QualityKind::DuplicateValues { columns: listed }),
        _ => Err(at_metric(
            ContractError::invalid("`duplicateValues` needs to know its columns").with_hint(
                "write `arguments: {properties: [column, …]}`, or put the rule beside one column",
            ),
        )),
    }
}

fn read_unit(raw: &RawQuality, kind: &QualityKind) -> Result<Unit, ContractError> {
    let unit = pick(
        "unit",
        &raw.unit,
        &[("rows", Unit::Rows), ("percent", Unit::Percent)],
    )?;
    let counts_some = matches!(
        kind,
        QualityKind::NullValues { .. } | QualityKind::DuplicateValues { .. }
    );
    match &raw.unit {
        Some(text) if unit == Unit::Percent && !counts_some => Err(ContractError::invalid(
            "`unit: percent` has no meaning for this rule",
        )
        .with_hint("it is for `nullValues` and `duplicateValues`")
        .at(text.referenced)),
        _ => Ok(unit),
    }
}

/// What makes a bound of one number.
type OfOne = fn(Number) -> Bound;
/// What makes a bound of two numbers.
type OfTwo = fn(Number, Number) -> Bound;

fn read_bound(raw: &RawQuality) -> Result<Bound, ContractError> {
    let one: [(&str, &At<String>, OfOne); 6] = [
        ("mustBe", &raw.must_be, Bound::Is),
        ("mustNotBe", &raw.must_not_be, Bound::IsNot),
        (
            "mustBeGreaterThan",
            &raw.must_be_greater_than,
            Bound::GreaterThan,
        ),
        (
            "mustBeGreaterOrEqualTo",
            &raw.must_be_greater_or_equal_to,
            Bound::GreaterOrEqualTo,
        ),
        ("mustBeLessThan", &raw.must_be_less_than, Bound::LessThan),
        (
            "mustBeLessOrEqualTo",
            &raw.must_be_less_or_equal_to,
            Bound::LessOrEqualTo,
        ),
    ];
    let two: [(&str, &At<Vec<String>>, OfTwo); 2] = [
        ("mustBeBetween", &raw.must_be_between, Bound::Between),
        (
            "mustNotBeBetween",
            &raw.must_not_be_between,
            Bound::NotBetween,
        ),
    ];
    let mut bounds = Vec::new();
    for (key, value, bound) in one {
        if let Some(value) = value {
            let number = number(key, &value.value).map_err(|error| error.at(value.referenced))?;
            bounds.push(bound(number));
        }
    }
    for (key, value, bound) in two {
        if let Some(value) = value {
            let ends = value
                .value
                .iter()
                .map(|end| number(key, end))
                .collect::<Result<Vec<_>, _>>();
            match ends.map_err(|error| error.at(value.referenced))?.as_slice() {
                [low, high] if low < high => bounds.push(bound(low.clone(), high.clone())),
                _ => {
                    return Err(ContractError::invalid(format!(
                        "`{key}` is not a smaller number and a greater one"
                    ))
                    .with_hint(format!("write `{key}: [1, 10]`"))
                    .at(value.referenced));
                }
            }
        }
    }
    match (bounds.pop(), bounds.is_empty()) {
        (Some(bound), true) => Ok(bound),
        (found, _) => Err(ContractError::invalid(match found {
            None => "the rule does not say what the value must be",
            Some(_) => "the rule says more than once what the value must be",
        })
        .with_hint("write one of `mustBe`, `mustNotBe`, `mustBeGreaterThan`, `mustBeGreaterOrEqualTo`, `mustBeLessThan`, `mustBeLessOrEqualTo`, `mustBeBetween`, `mustNotBeBetween`")),
    }
}

fn number(key: &str, text: &str) -> Result<Number, ContractError> {
    text.parse().map_err(|error: ContractError| {
        let hint = error.hint().unwrap_or_default().to_owned();
        ContractError::invalid(format!("`{key}`: {error}")).with_hint(hint)
    })
}
