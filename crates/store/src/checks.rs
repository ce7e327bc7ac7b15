//! What can be known to be wrong with [`StoreSettings`] before anything is sent.
//!
//! Left to the SDK, a line end in a key is a panic or a signature that does not match, a path in
//! the endpoint becomes part of every bucket's name, and a region that does not exist is a host
//! that cannot be found. Each check says why in words that fit behind the name of a variable, and
//! none of them repeats a credential.

use crate::{StoreError, StoreSettings};

/// The endpoint as requests use it: without a `/` at its end.
///
/// # Errors
/// Why it cannot be one; a user or password in it is not repeated.
pub fn endpoint(text: &str) -> Result<String, String> {
    if let Some(found) = odd_character(text, |letter| letter.is_ascii_graphic()) {
        return Err(format!(
            "it has {found}; an endpoint is `http://host:port` or `https://host`"
        ));
    }
    let (scheme, rest) = text
        .split_once("://")
        .filter(|(scheme, _)| ["http", "https"].contains(scheme))
        .ok_or("it begins with neither `http://` nor `https://`")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at(end);
    if authority.contains('@') {
        return Err(
            "it has a user or password in it; credentials belong into variables of their own"
                .to_owned(),
        );
    }
    if !["", "/"].contains(&behind) {
        return Err(format!(
            "`{behind}` follows the host in it: an endpoint has no path, query or fragment, and \
             buckets are named by `LAKE_BRONZE_URL` and its like"
        ));
    }
    host_and_port(authority)?;
    Ok(format!("{scheme}://{authority}"))
}

fn host_and_port(authority: &str) -> Result<(), String> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or("its `[` is not closed")?;
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(format!("`{address}` in it is not an IPv6 address"));
            }
            (
                address,
                port.strip_prefix(':')
                    .or((!port.is_empty()).then_some(port)),
            )
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    if host.is_empty() {
        return Err("it has no host".to_owned());
    }
    let is_host = |letter: char| letter.is_ascii_alphanumeric() || "-_.:".contains(letter);
    if !host.chars().all(is_host) {
        return Err(format!("`{host}` in it is not a host"));
    }
    match port {
        Some(port) if port.parse::<u16>().map_or(true, |number| number == 0) => {
            Err(format!("`{port}` in it is not a port (1 to 65535)"))
        }
        _ => Ok(()),
    }
}

/// Whether a region can be one: of any store, or of Amazon's where there is no endpoint.
///
/// # Errors
/// Why it cannot.
pub fn region(text: &str, endpoint: Option<&str>) -> Result<(), String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    if let Some(found) = odd_character(text, is_letter) {
        return Err(format!(
            "it has {found}; a region is letters, digits and `-`, such as `eu-west-3`"
        ));
    }
    if endpoint.is_none() && !is_amazons(text) {
        return Err(format!(
            "`{text}` is not one of Amazon's regions, such as `eu-west-3`; for another store set \
             `AWS_ENDPOINT_URL`"
        ));
    }
    Ok(())
}

/// Whether a name is of the form that all of Amazon's regions have: `us-gov-west-1`.
fn is_amazons(region: &str) -> bool {
    let words: Vec<&str> = region.split('-').collect();
    let Some((number, names)) = words.split_last() else {
        return false;
    };
    let all =
        |word: &str, is: fn(&u8) -> bool| !word.is_empty() && word.bytes().all(|byte| is(&byte));
    names.len() >= 2
        && names.iter().all(|word| all(word, u8::is_ascii_lowercase))
        && all(number, u8::is_ascii_digit)
}

/// Whether an access key's id or a session token can be sent: both are part of a header.
///
/// # Errors
/// Which kind of character is wrong, never the text.
pub fn sent_credential(text: &str) -> Result<(), String> {
    match odd_character(text, |letter| letter.is_ascii_graphic()) {
        Some(found) => Err(format!("it has {found}, which no credential has")),
        None => Ok(()),
    }
}

/// Whether a secret can be one. It is never sent, so that other letters than ASCII's are fine.
///
/// # Errors
/// Which kind of character is wrong, never the text.
pub fn secret(text: &str) -> Result<(), String> {
    match odd_character(text, |letter| {
        !letter.is_control() && !letter.is_whitespace()
    }) {
        Some(found) => Err(format!("it has {found}, which no secret has")),
        None => Ok(()),
    }
}

/// The first character that does not belong, in words, and where it is.
fn odd_character(text: &str, belongs: impl Fn(char) -> bool) -> Option<String> {
    let (index, letter) = text
        .chars()
        .enumerate()
        .find(|(_, letter)| !belongs(*letter))?;
    let kind = match letter {
        '\n' | '\r' => "a line end",
        '\t' | ' ' => "a blank",
        letter if letter.is_control() => "a control character",
        letter if letter.is_ascii() => "a character that does not belong there",
        _ => "a character that is not ASCII",
    };
    let place = if text.chars().count() == index + 1 {
        "at its end".to_owned()
    } else {
        format!("as character {}", index + 1)
    };
    Some(format!("{kind} {place}"))
}

/// All of it, for those who did not check before.
pub(crate) fn settings(settings: &StoreSettings) -> Result<(), StoreError> {
    let failed = |what: &'static str| {
        move |why: String| StoreError::Settings {
            message: format!("{what} is wrong: {why}"),
        }
    };
    if let Some(text) = &settings.endpoint {
        endpoint(text).map_err(failed("the endpoint"))?;
    }
    region(&settings.region, settings.endpoint.as_deref()).map_err(failed("the region"))?;
    sent_credential(settings.access_key_id.expose()).map_err(failed("the access key's id"))?;
    secret(settings.secret_access_key.expose()).map_err(failed("the secret access key"))?;
    if let Some(token) = &settings.session_token {
        sent_credential(token.expose()).map_err(failed("the session token"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{endpoint, region, secret, sent_credential};

    #[test]
    fn endpoints_are_a_scheme_a_host_and_a_port() {
        for (text, normal) in [
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("https://s3.example.org/", "https://s3.example.org"),
            ("http://minio_store:9000", "http://minio_store:9000"),
            ("http://[::1]:9000", "http://[::1]:9000"),
            ("https://[2001:db8::1]", "https://[2001:db8::1]"),
        ] {
            assert_eq!(endpoint(text).as_deref(), Ok(normal));
        }
        for (text, why) in [
            ("127.0.0.1:9000", "neither"),
            ("ftp://host", "neither"),
            ("HTTP://host", "neither"),
            ("", "neither"),
            ("http://", "no host"),
            ("http://:9000", "no host"),
            ("http://host/bronze", "`/bronze` follows"),
            ("http://host:9000//", "`//` follows"),
            ("http:///host", "`/host` follows"),
            ("http://host?list-type=2", "`?list-type=2` follows"),
            ("http://host#top", "`#top` follows"),
            ("http://host:9000\n", "a line end at its end"),
            ("http://ho st", "a blank as character 10"),
            ("http://höst", "not ASCII"),
            ("http://host\u{7}:9000", "a control character"),
            ("http://host:0", "port"),
            ("http://host:65536", "port"),
            ("http://host:", "port"),
            ("http://host:90:00", "port"),
            ("http://[::1", "not closed"),
            ("http://[::g]", "IPv6"),
            ("http://[::1]9000:", "port"),
            ("\"http://host\"", "neither"),
            ("http://ho{st", "not a host"),
        ] {
            let error = endpoint(text).expect_err(text);
            assert!(error.contains(why), "{text:?}: {error}");
        }
        let error = endpoint("http://root:hunter2@host/x").expect_err("a password");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn regions_are_names_and_amazons_have_its_form() {
        let own = Some("http://127.0.0.1:9000");
        for name in ["us-east-1", "garage", "eu_central", "1"] {
            assert_eq!(region(name, own), Ok(()), "{name}");
        }
        for name in ["", "us east 1", "eu-west-3\n", "EU (Paris)", "a/b", "é"] {
            assert!(region(name, own).is_err(), "{name}");
        }
        for name in [
            "us-east-1",
            "us-gov-west-1",
            "eusc-de-east-1",
            "ap-southeast-10",
        ] {
            assert_eq!(region(name, None), Ok(()), "{name}");
        }
        for name in [
            "paris",
            "us-east",
            "us-east-1a",
            "US-EAST-1",
            "us--1",
            "east-1",
            "-us-east-1",
        ] {
            let error = region(name, None).expect_err(name);
            assert!(error.contains("AWS_ENDPOINT_URL"), "{error}");
        }
    }

    #[test]
    fn credentials_have_neither_line_ends_nor_control_characters() {
        assert_eq!(sent_credential("AKIA/+=0123"), Ok(()));
        assert_eq!(secret("wJalr/K7+=ünïcode"), Ok(()));
        for text in [
            "key\n", "\nkey", "ke\ry", "key ", " key", "k\ty", "k\0y", "k\u{1b}y", "k\u{85}y",
        ] {
            for error in [sent_credential(text), secret(text)] {
                let error = error.expect_err(text);
                assert!(!error.contains("key\u{0}"), "{error}");
                assert!(!error.contains(text.trim()), "{error}");
            }
        }
        assert!(sent_credential("schlüssel").is_err());
    }
}
