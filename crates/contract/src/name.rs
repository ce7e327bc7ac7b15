//! Names of pipelines, datasets and marts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::ContractError;

/// The name of a pipeline, a dataset or a mart.
///
/// It becomes part of object keys, of file names, of SQL and of Airflow's ids; so it is made of
/// what means the same in all of them: a lowercase letter, then up to 62 lowercase letters, digits
/// and `_`.
///
/// ```
/// use lakehouse_contract::Name;
/// assert_eq!("daily_revenue".parse::<Name>().unwrap().as_str(), "daily_revenue");
/// assert!("Daily-Revenue".parse::<Name>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Name(String);

impl Name {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = ContractError;

    fn from_str(text: &str) -> Result<Self, ContractError> {
        let mut characters = text.chars();
        let starts_well = characters
            .next()
            .is_some_and(|first| first.is_ascii_lowercase());
        let goes_on_well = characters
            .all(|next| next.is_ascii_lowercase() || next.is_ascii_digit() || next == '_');
        if starts_well && goes_on_well && text.len() <= 63 {
            Ok(Self(text.to_owned()))
        } else {
            Err(
                ContractError::invalid(format!("`{text}` is not a name")).with_hint(
                    "use a lowercase letter, then up to 62 lowercase letters, digits and `_`",
                ),
            )
        }
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error: ContractError| {
            let hint = error.hint().unwrap_or_default();
            serde::de::Error::custom(format!("{error}: {hint}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_other_texts() {
        for good in ["a", "sales", "daily_revenue", "a1_", &"a".repeat(63)] {
            assert_eq!(good.parse::<Name>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "1a",
            "_a",
            "A",
            "a-b",
            "a.b",
            "a/b",
            "ä",
            "a b",
            &"a".repeat(64),
        ] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }
}
