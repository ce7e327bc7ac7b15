//! What PostgreSQL says, as what a person or a scheduler does next.

use std::error::Error as _;

use lakehouse_stage::StageError;
use tokio_postgres::Error;

use super::settings::Settings;
use super::tls;

/// The error of a connection or of a statement.
pub(super) fn stage_error(settings: &Settings, error: &Error) -> StageError {
    let Some(database) = error.as_db_error() else {
        return of_connection(settings, error);
    };
    let address = &settings.address;
    let (code, said) = (database.code().code(), database.message());
    let statement = |hint: String| {
        StageError::usage(format!("`{address}` refuses a statement"))
            .cause(format!("{said} (SQLSTATE {code})"))
            .hint(hint)
    };
    let later = |hint: &str| {
        StageError::transient(format!("`{address}` broke off"))
            .cause(format!("{said} (SQLSTATE {code})"))
            .hint(hint)
    };
    let server_hint = || {
        let hint = database.hint().unwrap_or_default();
        match hint.is_empty() {
            true => "run the query by hand, as the connection's user".to_owned(),
            false => hint.to_owned(),
        }
    };
    match code {
        "28P01" | "28000" => StageError::usage(format!(
            "`{address}` refuses the login `{}`",
            settings.user
        ))
        .cause(format!("{said} (SQLSTATE {code})"))
        .hint("correct user and password of the connection; a token in place of the password may have expired"),
        "3D000" => StageError::usage(format!(
            "there is no database `{}` at `{address}`",
            settings.database
        ))
        .hint("correct the database of the connection"),
        "42501" => statement(format!(
            "let somebody who owns it say `GRANT SELECT ON … TO {}`",
            settings.user
        )),
        "57014" if said.contains("statement timeout") => StageError::transient(format!(
            "`{address}` took longer than `statement_timeout_secs` ({} s) for a table",
            settings.statement_timeout_secs
        ))
        .cause(format!("{said} (SQLSTATE {code})"))
        .hint("raise `statement_timeout_secs` in the connection, or let the server set less; a day's rows are faster with an index on their column"),
        "55P03" => StageError::transient(format!(
            "`{address}` held a lock on a table for longer than `lock_timeout_secs` ({} s)",
            settings.lock_timeout_secs
        ))
        .cause(format!("{said} (SQLSTATE {code})"))
        .hint("run the stage again when the change of the table is over, or raise `lock_timeout_secs`"),
        "40001" | "40P01" => later(
            "a replica cancels what its changes conflict with: raise `max_standby_streaming_delay` there, or set `hot_standby_feedback = on`",
        ),
        "53300" => later("the server has no connection left: run the stage again, or set `connections=1`"),
        "55000" | "57014" => later("run the stage again"),
        // Messages about values may hold values.
        _ if code.starts_with("22") || code.starts_with("23") => StageError::usage(format!(
            "`{address}` cannot compute a value of the table or query (SQLSTATE {code})"
        ))
        .hint("run the query by hand: what the server says is not shown here, since it may hold data"),
        _ if ["08", "53", "57", "58", "XX"].iter().any(|class| code.starts_with(class)) => {
            later("run the stage again when the server is back")
        }
        _ => statement(server_hint()),
    }
}

/// An error without a word of the server's.
fn of_connection(settings: &Settings, error: &Error) -> StageError {
    let address = &settings.address;
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(source) = next {
        // What an `io::Error` wraps is not among its sources.
        let wrapped = source
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(error) = wrapped.or_else(|| source.downcast_ref::<rustls::Error>()) {
            return StageError::usage(format!(
                "there is no secure connection to `{address}`: {}",
                tls::problem(error)
            ))
            .cause(error.to_string())
            .hint("`sslrootcert` is the path of a PEM file with the certificate of the CA that signed the server's; `sslmode=verify-ca` does not look at the host");
        }
        let text = source.to_string();
        if text.contains("server does not support TLS") {
            return StageError::usage(format!("`{address}` does not speak TLS, and the connection asks for it"))
                .hint("switch it on at the server (`ssl = on`), or set `sslmode=disable` where the network is safe");
        }
        if text.contains("password missing") {
            return StageError::usage(format!(
                "`{address}` asks for a password, and the connection has none"
            ))
            .hint("set the password of the connection");
        }
        causes.push(text);
        next = source.source();
    }
    let text = error.to_string();
    let mut error = StageError::transient(format!("there is no connection to `{address}`"))
        .cause(text)
        .hint("is the server up, and are host and port right? Run the stage again when it answers");
    error.causes.extend(causes);
    error.causes.dedup();
    error
}
