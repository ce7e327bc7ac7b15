//! The walk over the engine's tree of a statement.
//!
//! Expressions carry a `class`, query nodes and table references a `type`; each is held against a
//! list, and all that is below it is walked.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::names::{self, FunctionKind};
use super::nodes::{
    Walk, check_collation, check_formats, check_modifiers, check_strict_function, check_type,
    collect_names, function_name, is_qualified, refuse, strings,
};

/// Kinds of expressions that are allowed.
const CLASSES: [&str; 17] = [
    "BETWEEN",
    "CASE",
    "CAST",
    "COLLATE",
    "COLUMN_REF",
    "COMPARISON",
    "CONJUNCTION",
    "CONSTANT",
    "FUNCTION",
    "LAMBDA",
    "LAMBDA_REF",
    "OPERATOR",
    "POSITIONAL_REFERENCE",
    "STAR",
    "SUBQUERY",
    "TYPE",
    "WINDOW",
];
/// Of these, those that are no part of an expression over one row.
const CLASSES_OF_SELECTS: [&str; 4] = ["POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "WINDOW"];
/// Kinds of query nodes, table references and modifiers that are allowed.
const TYPES: [&str; 17] = [
    "ASCENDING",
    "BASE_TABLE",
    "DESCENDING",
    "DISTINCT_MODIFIER",
    "EMPTY",
    "EXPRESSION_LIST",
    "JOIN",
    "LIMIT_MODIFIER",
    "LIMIT_PERCENT_MODIFIER",
    "ORDER_DEFAULT",
    "ORDER_MODIFIER",
    "PIVOT",
    "RECURSIVE_CTE_NODE",
    "SELECT_NODE",
    "SET_OPERATION_NODE",
    "SUBQUERY",
    "TABLE_FUNCTION",
];
/// Table functions that are allowed: they read nothing.
const TABLE_FUNCTIONS: [&str; 3] = ["generate_series", "range", "unnest"];

/// What is being looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowed {
    /// A SELECT over tables.
    Select,
    /// An expression over the columns of one row.
    Expression,
}

/// What the walk found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) tables: BTreeSet<(String, String)>,
    pub(super) functions: BTreeSet<String>,
    pub(super) columns: BTreeSet<Vec<String>>,
}

/// Walks a tree, collects what it refers to, and stops at what is not allowed.
pub(super) struct Walker {
    allowed: Allowed,
    pub(super) found: Found,
    /// Names of WITH that are in scope.
    with_names: Vec<String>,
    /// Parameters of lambdas that are in scope.
    lambda_names: Vec<String>,
}

impl Walker {
    pub(super) fn new(allowed: Allowed) -> Self {
        Self {
            allowed,
            found: Found::default(),
            with_names: Vec::new(),
            lambda_names: Vec::new(),
        }
    }

    pub(super) fn statement(&mut self, statement: &Json) -> Walk {
        if !statement["named_param_map"].is_null() {
            return refuse(
                "the SQL has a parameter (`$1` or `?`)",
                "write the value, or a column",
            );
        }
        self.any(&statement["node"])
    }

    fn any(&mut self, value: &Json) -> Walk {
        match value {
            Json::Array(values) => values.iter().try_for_each(|value| self.any(value)),
            Json::Object(node) => self.node(node),
            _ => Ok(()),
        }
    }

    fn children(&mut self, node: &Map<String, Json>) -> Walk {
        node.values().try_for_each(|value| self.any(value))
    }

    fn children_but(&mut self, node: &Map<String, Json>, key: &str) -> Walk {
        node.iter()
            .filter(|(name, _)| *name != key)
            .try_for_each(|(_, value)| self.any(value))
    }

    fn node(&mut self, node: &Map<String, Json>) -> Walk {
        if let Some(class) = node.get("class").and_then(Json::as_str) {
            return self.expression(class, node);
        }
        if node.contains_key("sample_size") {
            return refuse(
                "the SELECT takes a sample",
                "choose rows by a condition: the same input must give the same bytes",
            );
        }
        let Some(kind) = node.get("type").and_then(Json::as_str) else {
            return self.children(node);
        };
        if !TYPES.contains(&kind) {
            return refuse(
                format!(
                    "the SQL has a part that is not allowed: `{}`",
                    kind.to_lowercase().replace('_', " ")
                ),
                "write one plain SELECT over tables",
            );
        }
        match kind {
            "BASE_TABLE" => {
                self.table(node)?;
                self.children(node)
            }
            "TABLE_FUNCTION" => {
                if let Some(function) = node.get("function").and_then(Json::as_object) {
                    self.table_function(function)?;
                    // The function itself was looked at; its arguments are expressions.
                    self.children(function)?;
                }
                self.children_but(node, "function")
            }
            "JOIN" if node.get("ref_type").and_then(Json::as_str) == Some("POSITIONAL") => refuse(
                "the SQL joins by position, and rows have none",
                "join by columns",
            ),
            "SELECT_NODE" | "SET_OPERATION_NODE" | "RECURSIVE_CTE_NODE" => self.query(kind, node),
            _ => self.children(node),
        }
    }

    /// A query node: the names of its WITH are tables inside it.
    fn query(&mut self, kind: &str, node: &Map<String, Json>) -> Walk {
        let names_before = self.with_names.len();
        let name_of = |value: Option<&Json>| value.and_then(Json::as_str).map(str::to_lowercase);
        if kind == "RECURSIVE_CTE_NODE" {
            self.with_names.extend(name_of(node.get("cte_name")));
        }
        if let Some(with) = node.get("cte_map").and_then(|map| map["map"].as_array()) {
            for entry in with {
                // A name is in scope only after its own query: `WITH t AS (FROM t)` reads a table.
                self.any(&entry["value"])?;
                self.with_names.extend(name_of(entry.get("key")));
            }
        }
        let result = check_modifiers(node).and_then(|()| self.children_but(node, "cte_map"));
        self.with_names.truncate(names_before);
        result
    }

    fn table(&mut self, node: &Map<String, Json>) -> Walk {
        let path: Vec<String> = strings(&node.get("qualified_name").unwrap_or(&Json::Null)["path"]);
        let path: Vec<String> = if path.is_empty() {
            ["catalog_name", "schema_name", "table_name"]
                .iter()
                .filter_map(|key| node.get(*key)?.as_str().filter(|name| !name.is_empty()))
                .map(str::to_owned)
                .collect()
        } else {
            path
        };
        let shown = path.join(".");
        let lower: Vec<String> = path.iter().map(|name| name.to_lowercase()).collect();
        match lower.as_slice() {
            [name] if self.with_names.contains(name) => Ok(()),
            [name]
                if !name.chars().all(|character| {
                    character.is_alphanumeric() || matches!(character, '_' | ' ' | '-')
                }) =>
            {
                refuse(
                    format!("the SQL reads the file `{shown}`"),
                    "read `silver.<dataset>` or `gold.<mart>`, declared under `reads`",
                )
            }
            [name] => {
                self.found.tables.insert((String::new(), name.clone()));
                Ok(())
            }
            [schema, name] => {
                self.found.tables.insert((schema.clone(), name.clone()));
                Ok(())
            }
            _ => refuse(
                format!("the SQL reads `{shown}`, a table of another database"),
                "read `silver.<dataset>` or `gold.<mart>`, declared under `reads`",
            ),
        }
    }

    fn table_function(&mut self, function: &Map<String, Json>) -> Walk {
        let name = function_name(function);
        if is_qualified(function) || !TABLE_FUNCTIONS.contains(&name.as_str()) {
            return refuse(
                format!("the SQL reads from the table function `{name}`"),
                "read `silver.<dataset>` or `gold.<mart>`, declared under `reads`; of table functions there are `range`, `generate_series` and `unnest`",
            );
        }
        self.found.functions.insert(name);
        Ok(())
    }

    fn expression(&mut self, class: &str, node: &Map<String, Json>) -> Walk {
        if !CLASSES.contains(&class) {
            return refuse(
                format!(
                    "the SQL has a kind of expression that is not allowed: `{}`",
                    class.to_lowercase()
                ),
                "write it with columns, constants, operators and functions",
            );
        }
        if self.allowed == Allowed::Expression && CLASSES_OF_SELECTS.contains(&class) {
            let what = match class {
                "SUBQUERY" => "a subquery",
                "WINDOW" => "a window function",
                "STAR" => "a star",
                _ => "a position such as `#1`",
            };
            return refuse(
                format!("the expression has {what}"),
                "an expression sees the columns of its own row; the rest belongs in a mart",
            );
        }
        match class {
            "COLUMN_REF" => return self.column(node),
            "FUNCTION" => self.function(node)?,
            "WINDOW" => self.window(node)?,
            "LAMBDA" => return self.lambda(node),
            "TYPE" => check_type(node)?,
            "COLLATE" => check_collation(node)?,
            _ => {}
        }
        self.children(node)
    }

    fn column(&mut self, node: &Map<String, Json>) -> Walk {
        let path = strings(node.get("column_names").unwrap_or(&Json::Null));
        if let [name] = path.as_slice() {
            let name = name.to_lowercase();
            if self.lambda_names.contains(&name) {
                return Ok(());
            }
            if names::is_clock_or_session(&name) {
                return refuse(
                    format!("`{name}` is the clock or the session, not the data"),
                    "use `run_date()`; a column of that name can be written as `<table>.<column>`",
                );
            }
        }
        if path
            .first()
            .is_none_or(|first| !self.lambda_names.contains(&first.to_lowercase()))
        {
            self.found.columns.insert(path);
        }
        Ok(())
    }

    /// A lambda, whose parameters are columns of nothing; or `json -> path`, which the parser
    /// cannot tell from an old form of it, and whose left side is an expression.
    fn lambda(&mut self, node: &Map<String, Json>) -> Walk {
        if node.get("syntax_type").and_then(Json::as_str) == Some("SINGLE_ARROW") {
            return self.children(node);
        }
        let names_before = self.lambda_names.len();
        collect_names(
            node.get("lhs").unwrap_or(&Json::Null),
            &mut self.lambda_names,
        );
        let result = self.children(node);
        self.lambda_names.truncate(names_before);
        result
    }

    fn function(&mut self, node: &Map<String, Json>) -> Walk {
        let name = function_name(node);
        let Some(kind) = names::function_kind(&name).filter(|_| !is_qualified(node)) else {
            return refuse(
                format!("the function `{name}` is not allowed"),
                names::function_hint(&name),
            );
        };
        let arguments = node
            .get("arguments")
            .and_then(Json::as_array)
            .map_or(0, Vec::len);
        if name == "age" && arguments < 2 {
            return refuse(
                "`age` of one argument reads the clock",
                "give it two: `age(run_date(), day)`",
            );
        }
        if matches!(name.as_str(), "strptime" | "try_strptime" | "strftime") {
            check_formats(&name, node)?;
        }
        if matches!(
            name.as_str(),
            "lake_date" | "lake_decimal" | "lake_integer" | "lake_timestamp"
        ) {
            check_strict_function(&name, node)?;
        }
        if self.allowed == Allowed::Expression && (kind != FunctionKind::Scalar || name == "unnest")
        {
            return refuse(
                format!("`{name}` works on many rows"),
                "an expression sees the columns of its own row; the rest belongs in a mart",
            );
        }
        let is_ordered = !node.get("order_bys").unwrap_or(&Json::Null)["orders"].is_null();
        if kind == FunctionKind::OrderedAggregate && !is_ordered {
            return refuse(
                format!("the result of `{name}` depends on the order of rows, and rows have none"),
                format!("say it: `{name}(… ORDER BY …)`, or take `min` or `max`"),
            );
        }
        self.found.functions.insert(name);
        Ok(())
    }

    fn window(&mut self, node: &Map<String, Json>) -> Walk {
        let name = function_name(node);
        let kind = names::function_kind(&name);
        if is_qualified(node) || (kind.is_none() && !names::is_window_function(&name)) {
            return refuse(
                format!("the function `{name}` is not allowed"),
                names::function_hint(&name),
            );
        }
        let needs_order =
            kind == Some(FunctionKind::OrderedAggregate) || names::is_window_function(&name);
        let has_orders = ["orders", "arg_orders"]
            .iter()
            .any(|key| node.get(*key).is_some_and(|orders| !orders.is_null()));
        if needs_order && !has_orders {
            return refuse(
                format!(
                    "the result of `{name}` depends on the order of rows, and its window has none"
                ),
                "add an ORDER BY that leaves no ties to the window",
            );
        }
        self.found.functions.insert(name);
        Ok(())
    }
}
