//! Connections to databases: `LAKE_CONNECTION_<NAME>`, a URL or Airflow's JSON form.
//!
//! What is wrong with one is told without showing any of its text: where a special character of
//! a password was not percent-encoded, any part of a URL may be a part of the password.

use std::collections::BTreeMap;

use lakehouse_contract::{Name, suggest};
use lakehouse_store::Secret;
use serde_json::Value;

use crate::StageError;

/// The beginning of the variables' names.
pub const PREFIX: &str = "LAKE_CONNECTION_";

/// How to reach a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The source's or warehouse's name.
    pub name: Name,
    /// What kind of database it is for: the URL's scheme or Airflow's `conn_type`.
    pub scheme: String,
    /// The login.
    pub user: Option<String>,
    /// The password, or a token in its place.
    pub password: Option<Secret>,
    /// Where it is: at least one.
    pub hosts: Vec<Host>,
    /// The database; nothing where the URL names none.
    pub database: Option<String>,
    parameters: BTreeMap<String, String>,
}

/// A server of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its name, its address, or the folder of its socket.
    pub name: String,
    /// Its port, where one is named.
    pub port: Option<u16>,
}

/// The variable that a connection comes from.
#[must_use]
pub fn variable(name: &Name) -> String {
    format!("{PREFIX}{}", name.as_str().to_uppercase())
}

/// Reads a connection from the environment.
///
/// # Errors
/// When it is not set, or is none: 2, without any of its text.
pub fn read(name: &Name) -> Result<Connection, StageError> {
    let variable = variable(name);
    match std::env::var(&variable) {
        Ok(text) if !text.trim().is_empty() => Connection::parse(name, text.trim()),
        Err(std::env::VarError::NotUnicode(_)) => Err(StageError::usage(format!(
            "environment variable `{variable}` is not UTF-8"
        ))),
        _ => Err(StageError::usage(format!(
            "environment variable `{variable}` is not set: there is no connection `{name}`"
        ))
        .hint(format!(
            "set it to `postgresql://user:password@host:port/database` or \
             `cassandra://user:password@host:port`; under Airflow make the connection `{name}` \
             (docs/databases.md)"
        ))),
    }
}

impl Connection {
    fn parse(name: &Name, text: &str) -> Result<Self, StageError> {
        let parsed = match text.starts_with('{') {
            true => of_json(name, text),
            false => of_url(name, text),
        };
        parsed.map_err(|why| wrong(name, &why))
    }

    /// Takes a parameter; one that is empty is none.
    pub fn parameter(&mut self, key: &str) -> Option<String> {
        self.parameters
            .remove(key)
            .filter(|value| !value.is_empty())
    }

    /// Takes a parameter that is a whole number within bounds.
    ///
    /// # Errors
    /// When it is none: 2.
    pub fn number(
        &mut self,
        key: &str,
        bounds: std::ops::RangeInclusive<u64>,
    ) -> Result<Option<u64>, StageError> {
        let Some(text) = self.parameter(key) else {
            return Ok(None);
        };
        match text.trim().parse() {
            Ok(number) if bounds.contains(&number) => Ok(Some(number)),
            _ => Err(self.wrong(&format!(
                "`{key}` is not a whole number from {} to {}",
                bounds.start(),
                bounds.end()
            ))),
        }
    }

    /// Takes a parameter that is one of a few words.
    ///
    /// # Errors
    /// When it is none of them: 2.
    pub fn choice<T: Copy>(
        &mut self,
        key: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, StageError> {
        let Some(text) = self.parameter(key) else {
            return Ok(None);
        };
        if let Some((_, choice)) = choices.iter().find(|(word, _)| *word == text) {
            return Ok(Some(*choice));
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let mut error = self.wrong(&format!("`{key}` has a value that it does not know"));
        error.hint = Some(suggest::hint("", &words, "allowed values"));
        Err(error)
    }

    /// Refuses what nobody has taken.
    ///
    /// # Errors
    /// When a parameter is left: 2, with those that there are.
    pub fn finish(&self, known: &[&str]) -> Result<(), StageError> {
        let Some(key) = self.parameters.keys().next() else {
            return Ok(());
        };
        let mut error = self.wrong(&format!("it does not know the parameter `{key}`"));
        error.hint = Some(suggest::hint(key, known, "parameters"));
        Err(error)
    }

    /// The error of a connection that cannot be used: 2.
    #[must_use]
    pub fn wrong(&self, why: &str) -> StageError {
        wrong(&self.name, why)
    }

    /// The servers, for messages.
    #[must_use]
    pub fn servers(&self) -> String {
        let hosts = self.hosts.iter().map(|host| match host.port {
            Some(port) => format!("{}:{port}", host.name),
            None => host.name.clone(),
        });
        hosts.collect::<Vec<_>>().join(",")
    }
}

fn wrong(name: &Name, why: &str) -> StageError {
    StageError::usage(format!("the connection `{name}` is wrong: {why}")).hint(format!(
        "correct `{}`; under Airflow it is the connection `{name}` (docs/databases.md)",
        variable(name)
    ))
}

const NO_URL: &str = "it is not `scheme://user:password@host:port/database?parameter=value`; what is special in a password (`@ : / ? # %`) is percent-encoded";

fn of_url(name: &Name, text: &str) -> Result<Connection, String> {
    let (scheme, rest) = text.split_once("://").ok_or(NO_URL)?;
    if !scheme
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'+' | b'-'))
        || scheme.is_empty()
        || rest.contains(char::is_whitespace)
    {
        return Err(NO_URL.to_owned());
    }
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, query),
        None => (rest, ""),
    };
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, path),
        None => (rest, ""),
    };
    // Behind the last `@`: one that was not encoded is then part of the password.
    let (login, hosts) = match authority.rsplit_once('@') {
        Some((login, hosts)) => (login, hosts),
        None => ("", authority),
    };
    if path.contains('@') || query.contains('@') || path.contains('/') {
        return Err(NO_URL.to_owned());
    }
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (decode(user)?, decode(password)?),
        None => (decode(login)?, String::new()),
    };
    let mut parameters = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').ok_or(NO_URL)?;
        if !key
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        {
            return Err(NO_URL.to_owned());
        }
        if parameters.insert(key.to_owned(), decode(value)?).is_some() {
            return Err(format!("the parameter `{key}` is given twice"));
        }
    }
    let or_parameter = |text: String, parameters: &mut BTreeMap<String, String>, key: &str| {
        let other = parameters.remove(key);
        Some(text)
            .filter(|text| !text.is_empty())
            .or(other)
            .filter(|text| !text.is_empty())
    };
    let user = or_parameter(user, &mut parameters, "user");
    let password = or_parameter(password, &mut parameters, "password");
    let database = or_parameter(decode(path)?, &mut parameters, "dbname");
    Ok(Connection {
        name: name.clone(),
        scheme: scheme.to_owned(),
        user,
        password: password.map(Secret::new),
        hosts: read_hosts(hosts)?,
        database,
        parameters,
    })
}

fn read_hosts(text: &str) -> Result<Vec<Host>, String> {
    if text.is_empty() {
        return Err("it names no host".to_owned());
    }
    text.split(',')
        .map(|host| {
            // `[::1]:5432`
            let (name, port) = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
                Some((name, port)) => (name, port.strip_prefix(':')),
                None => match host.split_once(':') {
                    Some((name, port)) => (name, Some(port)),
                    None => (host, None),
                },
            };
            let port = port
                .map(|port| port.parse::<u16>().map_err(|_| NO_URL.to_owned()))
                .transpose()?;
            let name = decode(name)?;
            match name.is_empty() {
                true => Err("it names no host".to_owned()),
                false => Ok(Host { name, port }),
            }
        })
        .collect()
}

fn decode(text: &str) -> Result<String, String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(bytes.next()), digit(bytes.next())) else {
            return Err(NO_URL.to_owned());
        };
        decoded.push(u8::try_from(high * 16 + low).unwrap_or_default());
    }
    match String::from_utf8(decoded) {
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => Err(NO_URL.to_owned()),
    }
}

/// What Airflow keeps of a connection, as its `AIRFLOW_CONN_…` variables have it.
fn of_json(name: &Name, text: &str) -> Result<Connection, String> {
    let mut fields: serde_json::Map<String, Value> =
        serde_json::from_str(text).map_err(|_| "it is not JSON".to_owned())?;
    let mut extra = match fields.remove("extra") {
        None | Some(Value::Null) => serde_json::Map::new(),
        Some(Value::Object(extra)) => extra,
        // A text is the same once more.
        Some(Value::String(text)) if text.trim().is_empty() => serde_json::Map::new(),
        Some(Value::String(text)) => serde_json::from_str(&text)
            .map_err(|_| "its `extra` is not a JSON object".to_owned())?,
        Some(_) => return Err("its `extra` is not a JSON object".to_owned()),
    };
    // The form's own fields.
    extra.remove("__extra__");
    let mut text_of = |key: &str| match fields.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(format!("its `{key}` is not a text")),
    };
    let scheme = text_of("conn_type")?.ok_or("its `conn_type` is missing")?;
    let (user, password) = (text_of("login")?, text_of("password")?);
    let (hosts, port) = (text_of("host")?, text_of("port")?);
    let database = text_of("schema")?;
    text_of("description")?;
    if let Some(key) = fields.keys().next() {
        return Err(format!("it does not know the field `{key}`"));
    }
    let port = port
        .map(|port| port.parse::<u16>().map_err(|_| "its `port` is not a port"))
        .transpose()?;
    let mut hosts = read_hosts(hosts.as_deref().unwrap_or_default())?;
    for host in &mut hosts {
        host.port = host.port.or(port);
    }
    let mut parameters = BTreeMap::new();
    for (key, value) in extra {
        let value = match value {
            Value::Null => continue,
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            _ => return Err(format!("`{key}` in its extra is not a text or a number")),
        };
        if !value.is_empty() {
            parameters.insert(key, value);
        }
    }
    Ok(Connection {
        name: name.clone(),
        scheme,
        user,
        password: password.map(Secret::new),
        hosts,
        database,
        parameters,
    })
}

#[cfg(test)]
mod tests {
    use super::{Connection, Host, variable};

    fn parse(text: &str) -> Result<Connection, String> {
        Connection::parse(&"shop_pg".parse().unwrap(), text).map_err(|error| error.render())
    }

    #[test]
    fn a_url_has_everything() {
        let mut connection = parse(
            "postgresql://reader:p%40ss%3Aword@db1:5433,[::1],%2Frun%2Fpg/shop?sslmode=require&connections=2",
        )
        .unwrap();
        assert_eq!(connection.scheme, "postgresql");
        assert_eq!(connection.user.as_deref(), Some("reader"));
        assert_eq!(connection.password.as_ref().unwrap().expose(), "p@ss:word");
        assert_eq!(connection.database.as_deref(), Some("shop"));
        let host = |name: &str, port| Host {
            name: name.to_owned(),
            port,
        };
        assert_eq!(
            connection.hosts,
            [
                host("db1", Some(5433)),
                host("::1", None),
                host("/run/pg", None)
            ]
        );
        assert!(!format!("{connection:?}").contains("p@ss"));
        assert_eq!(connection.choice("sslmode", &[("require", 1)]), Ok(Some(1)));
        assert_eq!(connection.number("connections", 1..=8), Ok(Some(2)));
        assert_eq!(connection.finish(&[]), Ok(()));
        assert_eq!(variable(&connection.name), "LAKE_CONNECTION_SHOP_PG");
    }

    #[test]
    fn airflows_json_means_the_same() {
        let mut connection = parse(
            r#"{"conn_type": "postgres", "login": "reader", "password": "p@ss", "host": "db", "port": 5433, "schema": "shop", "extra": "{\"sslmode\": \"require\", \"connections\": 2}"}"#,
        )
        .unwrap();
        assert_eq!(connection.servers(), "db:5433");
        assert_eq!(connection.password.as_ref().unwrap().expose(), "p@ss");
        assert_eq!(connection.number("connections", 1..=8), Ok(Some(2)));
        assert!(
            connection
                .finish(&["sslmode"])
                .unwrap_err()
                .message
                .contains("`sslmode`")
        );
    }

    #[test]
    fn what_is_wrong_is_told_without_the_text() {
        for text in [
            "hunter2",
            "postgresql:hunter2",
            "postgresql://",
            "postgresql://u:hunter2@",
            "postgresql://u:hunter2/x@host/db",
            "postgresql://u:hunter2?x@host/db",
            "postgresql://u:hunter2%@host/db",
            "postgresql://u:hunter2%zz@host/db",
            "postgresql://u:pass hunter2@host/db",
            "postgresql://host:hunter2/db",
            "postgresql://u:x@host/db?hunter2",
            "{\"conn_type\": \"postgres\", \"password\": \"hunter2\"",
            "{\"conn_type\": \"postgres\", \"password\": \"hunter2\", \"host\": \"a:b\"}",
            "{\"password\": \"hunter2\"}",
        ] {
            let error = parse(text).unwrap_err();
            assert!(
                error.contains("the connection `shop_pg` is wrong"),
                "{error}"
            );
            assert!(!error.contains("hunter2"), "{text}: {error}");
        }
        let mut connection = parse("postgresql://u:x@host/db?connections=hunter2").unwrap();
        let error = connection.number("connections", 1..=8).unwrap_err();
        assert!(!error.render().contains("hunter2"));
    }
}
