//! Keys as relative paths, both ways.
//!
//! Each component of a key is one file name. What a file name cannot say is escaped with `%`:
//! the empty component is `%`, `.` is `%2E`, `..` is `%2E%2E`, a NUL is `%00`, and `%` itself
//! is `%25`. So a path can never leave its bucket, and every path that the server makes stands
//! for exactly one key.

use std::borrow::Cow;
use std::path::PathBuf;

use super::StorageError;

/// The longest file name of the file systems in use.
const LONGEST_NAME_BYTES: usize = 255;

/// The path of a key below its bucket's folder.
pub(crate) fn path_of(key: &str) -> Result<PathBuf, StorageError> {
    let mut path = PathBuf::new();
    for component in key.split('/') {
        let name = name_of(component);
        if name.len() > LONGEST_NAME_BYTES {
            return Err(StorageError::KeyTooLong(
                "this development server takes at most 255 bytes between two slashes",
            ));
        }
        path.push(&*name);
    }
    Ok(path)
}

/// How many components the key has; that many `..` lead from its folder to the data folder.
pub(crate) fn depth_of(key: &str) -> usize {
    key.split('/').count()
}

/// The file name of one component.
pub(crate) fn name_of(component: &str) -> Cow<'_, str> {
    match component {
        "" => Cow::Borrowed("%"),
        "." => Cow::Borrowed("%2E"),
        ".." => Cow::Borrowed("%2E%2E"),
        plain if !plain.contains(['%', '\0']) => Cow::Borrowed(plain),
        _ => Cow::Owned(component.replace('%', "%25").replace('\0', "%00")),
    }
}

/// The component that a file name stands for; `None` when the server would not have made it.
pub(crate) fn component_of(name: &str) -> Option<Cow<'_, str>> {
    match name {
        "%" => Some(Cow::Borrowed("")),
        "%2E" => Some(Cow::Borrowed(".")),
        "%2E%2E" => Some(Cow::Borrowed("..")),
        plain if !plain.contains('%') => Some(Cow::Borrowed(plain)),
        _ => {
            let component = name.replace("%00", "\0").replace("%25", "%");
            (name_of(&component) == name).then_some(Cow::Owned(component))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_key_leaves_its_bucket() {
        for (key, path) in [
            ("a/b.json", "a/b.json"),
            ("../../etc/passwd", "%2E%2E/%2E%2E/etc/passwd"),
            ("/etc/passwd", "%/etc/passwd"),
            ("a//b", "a/%/b"),
            ("a/", "a/%"),
            ("./a/..", "%2E/a/%2E%2E"),
            ("50%", "50%25"),
            ("%", "%25"),
            ("%2E%2E", "%252E%252E"),
            ("a\0b", "a%00b"),
            ("...", "..."),
            ("year=2011/month=08", "year=2011/month=08"),
        ] {
            assert_eq!(path_of(key).unwrap(), PathBuf::from(path), "{key:?}");
        }
    }

    #[test]
    fn foreign_names_are_not_keys() {
        for name in ["100%", "a%20b", "%2e", "%%", "%2Ea"] {
            assert_eq!(component_of(name), None, "{name}");
        }
    }

    #[test]
    fn a_component_that_is_no_file_name_is_refused() {
        assert!(path_of(&"x".repeat(255)).is_ok());
        assert!(matches!(
            path_of(&"x".repeat(256)),
            Err(StorageError::KeyTooLong(_))
        ));
    }

    proptest! {
        #[test]
        fn names_and_components_are_one_to_one(component in "[a%.0-9E\\x00é ]{0,8}") {
            let name = name_of(&component);
            prop_assert!(!name.is_empty() && name != "." && name != ".." && !name.contains('\0'));
            prop_assert_eq!(component_of(&name).unwrap(), component.as_str());
        }
    }
}
