//! Logs on standard error: text for a person at a terminal, NDJSON for everything else.
//!
//! Only the lake's own crates are heard below `warn`: libraries of the network stack print
//! whole requests there, and a log must never be the place where a token appears.

use std::fmt;
use std::io::{IsTerminal, Write};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

use crate::{Progress, StageError, env, output};

/// The crates whose logs are heard at the level asked for, by the start of their names.
const OWN_CRATES: &str = "lake";

/// Starts logging, for the whole process.
pub(crate) fn start(stage: &'static str, progress: &Progress) -> Result<(), StageError> {
    let level = level(env::read(&env::LAKE_LOG)?.as_deref())?;
    let text = is_text(env::read(&env::LAKE_LOG_FORMAT)?.as_deref())?;
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(OWN_CRATES, level);
    let lines = Lines {
        progress: progress.clone(),
    };
    let registry = tracing_subscriber::registry();
    // A second start, as in a test that runs two stages in one process, keeps the first.
    let _ = if text {
        let layer = tracing_subscriber::fmt::layer()
            .event_format(Text {
                colour: std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
            })
            .with_writer(lines);
        tracing::subscriber::set_global_default(registry.with(layer.with_filter(filter)))
    } else {
        let layer = tracing_subscriber::fmt::layer()
            .event_format(Json { stage })
            .with_writer(lines);
        tracing::subscriber::set_global_default(registry.with(layer.with_filter(filter)))
    };
    Ok(())
}

fn level(text: Option<&str>) -> Result<LevelFilter, StageError> {
    match text.map(str::to_ascii_lowercase).as_deref() {
        None | Some("info") => Ok(LevelFilter::INFO),
        Some("error") => Ok(LevelFilter::ERROR),
        Some("warn") => Ok(LevelFilter::WARN),
        Some("debug") => Ok(LevelFilter::DEBUG),
        Some("trace") => Ok(LevelFilter::TRACE),
        Some(other) => Err(StageError::usage(format!(
            "`{}` does not know the level `{other}`",
            env::LAKE_LOG.name
        ))
        .hint("set it to `error`, `warn`, `info`, `debug` or `trace`")),
    }
}

fn is_text(text: Option<&str>) -> Result<bool, StageError> {
    match text {
        None => Ok(std::io::stderr().is_terminal()),
        Some("text") => Ok(true),
        Some("json") => Ok(false),
        Some(other) => Err(StageError::usage(format!(
            "`{}` does not know the form `{other}`",
            env::LAKE_LOG_FORMAT.name
        ))
        .hint("set it to `text` or `json`")),
    }
}

/// Writes whole lines, with the bars out of the way.
struct Lines {
    progress: Progress,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            progress: &self.progress,
            buffer: Vec::new(),
        }
    }
}

struct Line<'a> {
    progress: &'a Progress,
    buffer: Vec<u8>,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.buffer);
        self.progress.suspend(|| output::print_error_text(&text));
    }
}

/// The fields of one event, the message apart.
#[derive(Default)]
struct Fields {
    message: String,
    fields: Map<String, Value>,
}

impl Fields {
    fn of(event: &Event<'_>) -> Self {
        let mut fields = Self::default();
        event.record(&mut fields);
        fields
    }

    fn put(&mut self, field: &Field, value: Value) {
        self.fields.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.put(field, Value::String(format!("{value:?}")));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message = value.to_owned();
        } else {
            self.put(field, Value::from(value));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::from(value));
    }
}

/// One JSON object a line: time, level, stage, the fields, and the message last.
struct Json {
    stage: &'static str,
}

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let event_fields = Fields::of(event);
        let mut line = Map::new();
        let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        line.insert("time".to_owned(), Value::from(now));
        let level = event.metadata().level().as_str().to_ascii_lowercase();
        line.insert("level".to_owned(), Value::from(level));
        line.insert("stage".to_owned(), Value::from(self.stage));
        for (name, value) in event_fields.fields {
            line.entry(name).or_insert(value);
        }
        line.insert("message".to_owned(), Value::from(event_fields.message));
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// One line for a person: level where it is not usual, message, fields.
struct Text {
    colour: bool,
}

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let event_fields = Fields::of(event);
        let level = *event.metadata().level();
        if level != tracing::Level::INFO {
            let word = level.as_str().to_ascii_lowercase();
            let colour = match level {
                tracing::Level::ERROR => "31",
                tracing::Level::WARN => "33",
                _ => "2",
            };
            if self.colour {
                write!(writer, "\u{1b}[{colour}m{word}:\u{1b}[0m ")?;
            } else {
                write!(writer, "{word}: ")?;
            }
        }
        writer.write_str(&event_fields.message)?;
        for (name, value) in event_fields.fields {
            match value {
                Value::String(text) => write!(writer, " {name}={text}")?,
                other => write!(writer, " {name}={other}")?,
            }
        }
        writeln!(writer)
    }
}

#[cfg(test)]
mod tests {
    use tracing::level_filters::LevelFilter;

    #[test]
    fn levels_and_forms_are_those_that_the_page_names() {
        assert_eq!(super::level(None).unwrap(), LevelFilter::INFO);
        assert_eq!(super::level(Some("DEBUG")).unwrap(), LevelFilter::DEBUG);
        assert_eq!(
            super::level(Some("hyper=trace")).unwrap_err().exit,
            crate::Exit::Usage
        );
        assert!(super::is_text(Some("text")).unwrap());
        assert!(!super::is_text(Some("json")).unwrap());
        assert_eq!(
            super::is_text(Some("xml")).unwrap_err().exit,
            crate::Exit::Usage
        );
    }
}
