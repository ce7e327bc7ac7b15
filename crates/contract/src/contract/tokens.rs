//! Which columns and source texts an SQL expression names.
//!
//! This reads words, not grammar: the engine's own parser judges the expression later. It has to
//! be right about two things before that. What the reader must keep the text of is decided by it;
//! and a classified field must not be missed, so where a word may be a column it counts as one.

use std::collections::BTreeSet;

use crate::ContractError;

/// What an expression names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// Words that may be columns, as they are spelt.
    pub columns: BTreeSet<String>,
    /// Paths of source texts, from `source."…"`.
    pub texts: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A word, without its quotes; whether it had quotes.
    Word(String, bool),
    Text(String),
    Number,
    Symbol(&'static str),
    Other(char),
}

/// Words that the engine never takes for a column unless they are quoted.
const RESERVED: &str = " all analyse analyze and any array as asc asymmetric both case cast check \
    collate column constraint create default deferrable desc describe distinct do else end except \
    false fetch for foreign from glob group having in initially intersect into isnull lambda \
    lateral leading limit not notnull null offset on only or order pivot pivot_longer pivot_wider \
    placing primary qualify references returning select show some summarize symmetric table then \
    to trailing true union unique unpivot using variadic when where window with ilike is join \
    like similar overlaps between ";

/// What `expression` names; an error where it cannot be one expression of one row.
pub(super) fn names(expression: &str) -> Result<Names, ContractError> {
    let tokens = tokenize(expression)?;
    check_brackets(&tokens)?;
    let mut names = Names::default();
    let mut at = 0;
    while at < tokens.len() {
        let (next, Token::Word(word, quoted)) = (at + 1, &tokens[at]) else {
            check_symbol(&tokens, at)?;
            at += 1;
            continue;
        };
        at = next;
        let before = next.checked_sub(2).map(|place| &tokens[place]);
        let lower = word.to_lowercase();
        if before == Some(&Token::Symbol(".")) {
            continue;
        }
        if lower.starts_with("_lake_") {
            return Err(refuse(
                format!("`{word}` is the lake's own"),
                "name columns of the contract",
            ));
        }
        if lower == "source" {
            at = source_text(&tokens, next, &mut names)?;
            continue;
        }
        if lower == "columns" && tokens.get(next) == Some(&Token::Other('(')) {
            return Err(refuse(
                "`COLUMNS(…)` names no column".to_owned(),
                "name each column that the value is made of",
            ));
        }
        if (*quoted || !is_reserved(&lower)) && may_be_column(&tokens, next - 1, before) {
            names.columns.insert(word.clone());
        }
    }
    Ok(names)
}

fn refuse(message: String, hint: &str) -> ContractError {
    ContractError::invalid(message).with_hint(hint)
}

fn is_reserved(lower: &str) -> bool {
    RESERVED.split_whitespace().any(|word| word == lower)
}

/// Whether the word at `place` may be a column, by what stands around it.
fn may_be_column(tokens: &[Token], place: usize, before: Option<&Token>) -> bool {
    let after = tokens.get(place + 1);
    let word_before = match before {
        Some(Token::Word(word, false)) => word.to_lowercase(),
        _ => String::new(),
    };
    let in_braces = || {
        let mut depth: Vec<char> = Vec::new();
        for token in &tokens[..place] {
            match token {
                Token::Other(open @ ('(' | '[' | '{')) => depth.push(*open),
                Token::Other(')' | ']' | '}') => {
                    depth.pop();
                }
                _ => {}
            }
        }
        depth.last() == Some(&'{')
    };
    let function = after == Some(&Token::Other('('));
    // `x::date`, `cast(x AS date)`, `x COLLATE nocase`
    let type_name =
        before == Some(&Token::Symbol("::")) || matches!(word_before.as_str(), "as" | "collate");
    // `date '2024-01-01'`
    let typed_literal = matches!(after, Some(Token::Text(_)));
    // `struct_pack(a := x)`, `{a: x}`
    let label = after == Some(&Token::Symbol(":="))
        || (after == Some(&Token::Other(':'))
            && matches!(before, Some(Token::Other('{' | ',')))
            && in_braces());
    // `extract(hour FROM x)`
    let extracted_part = before == Some(&Token::Other('('))
        && matches!(after, Some(Token::Word(word, false)) if word.eq_ignore_ascii_case("from"))
        && matches!(tokens.get(place.wrapping_sub(2)), Some(Token::Word(word, _)) if word.eq_ignore_ascii_case("extract"));
    !(function || type_name || typed_literal || label || extracted_part)
}

/// Reads what follows the word `source`; gives the place behind it.
fn source_text(tokens: &[Token], at: usize, names: &mut Names) -> Result<usize, ContractError> {
    let hint = "name one text of the source: `source.\"product.category\"`";
    let path = match (tokens.get(at), tokens.get(at + 1), tokens.get(at + 2)) {
        (Some(Token::Symbol(".")), Some(Token::Word(path, _)), _) => Some((path, at + 2)),
        (Some(Token::Other('[')), Some(Token::Text(path)), Some(Token::Other(']'))) => {
            Some((path, at + 3))
        }
        _ => None,
    };
    let Some((path, behind)) = path else {
        return Err(refuse("`source` by itself is not a text".to_owned(), hint));
    };
    let field = tokens.get(behind) == Some(&Token::Symbol("."));
    let method = tokens.get(behind + 2) == Some(&Token::Other('('));
    if field && !method {
        return Err(refuse(
            format!("`source.{path}` is a text and has no fields"),
            "put the whole path in quotes: `source.\"product.category\"`",
        ));
    }
    if crate::source_path::keys(path).is_none() {
        return Err(refuse(
            format!("`{path}` is not a path of a source field"),
            "write a dot that is part of a name with a backslash: `source.\"Nr\\.\"`",
        ));
    }
    names.texts.insert(path.clone());
    Ok(behind)
}

/// Refuses what makes several statements, parameters or every column of a row.
fn check_symbol(tokens: &[Token], at: usize) -> Result<(), ContractError> {
    let one = "write one expression over the columns of the row";
    match &tokens[at] {
        Token::Other(';') => Err(refuse("a `;` ends the statement".to_owned(), one)),
        Token::Other(mark @ ('?' | '$' | '#')) => Err(refuse(
            format!("`{mark}` stands for something outside of the row"),
            one,
        )),
        Token::Other('*') => {
            let before = at.checked_sub(1).map(|place| &tokens[place]);
            let is_star = match before {
                None | Some(Token::Other('(' | ',' | '[') | Token::Symbol(".")) => true,
                Some(Token::Word(word, false)) => {
                    is_reserved(&word.to_lowercase())
                        && !word.eq_ignore_ascii_case("end")
                        && !word.eq_ignore_ascii_case("null")
                }
                Some(_) => false,
            };
            if is_star {
                return Err(refuse(
                    "`*` names every column".to_owned(),
                    "name each column that the value is made of",
                ));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Refuses brackets that do not pair: the expression could end the one that it is put into.
fn check_brackets(tokens: &[Token]) -> Result<(), ContractError> {
    let mut open = Vec::new();
    for token in tokens {
        match token {
            Token::Other(bracket @ ('(' | '[' | '{')) => open.push(*bracket),
            Token::Other(bracket @ (')' | ']' | '}')) => {
                let pair = match open.pop() {
                    Some('(') => ')',
                    Some('[') => ']',
                    Some(_) => '}',
                    None => ' ',
                };
                if pair != *bracket {
                    return Err(refuse(
                        format!("`{bracket}` closes nothing"),
                        "close every bracket that is opened, and open every one that is closed",
                    ));
                }
            }
            Token::Other(',') if open.is_empty() => {
                return Err(refuse(
                    "a `,` separates two expressions".to_owned(),
                    "write one expression",
                ));
            }
            _ => {}
        }
    }
    match open.pop() {
        Some(bracket) => Err(refuse(
            format!("`{bracket}` is not closed"),
            "close every bracket that is opened, and open every one that is closed",
        )),
        None if tokens.is_empty() => Err(refuse(
            "it is empty".to_owned(),
            "write an expression, or leave the key out",
        )),
        None => Ok(()),
    }
}

fn tokenize(text: &str) -> Result<Vec<Token>, ContractError> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (token, length) = if first.is_whitespace() {
            (None, first.len_utf8())
        } else if rest.starts_with("--") {
            (None, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (None, comment(rest)?)
        } else {
            let (token, length) = token(rest, first)?;
            (Some(token), length)
        };
        tokens.extend(token);
        rest = &rest[length..];
    }
    Ok(tokens)
}

fn token(rest: &str, first: char) -> Result<(Token, usize), ContractError> {
    let second = rest[first.len_utf8()..].chars().next();
    match (first, second) {
        ('\'', _) => quoted(rest, '\'').map(|(text, length)| (Token::Text(text), length)),
        ('"', _) => quoted(rest, '"').map(|(word, length)| (Token::Word(word, true), length)),
        ('e' | 'E', Some('\'')) => escaped(rest),
        ('x' | 'X' | 'b' | 'B', Some('\'')) => {
            quoted(&rest[1..], '\'').map(|(text, length)| (Token::Text(text), length + 1))
        }
        ('$', _) => match dollar_quoted(rest) {
            Some(found) => Ok(found),
            None => Ok((Token::Other('$'), 1)),
        },
        (':', Some(':')) => Ok((Token::Symbol("::"), 2)),
        (':', Some('=')) => Ok((Token::Symbol(":="), 2)),
        _ if first.is_ascii_digit()
            || (first == '.' && second.is_some_and(|next| next.is_ascii_digit())) =>
        {
            let number = rest
                .find(|next: char| !(next.is_ascii_alphanumeric() || matches!(next, '.' | '_')));
            Ok((Token::Number, number.unwrap_or(rest.len())))
        }
        ('.', _) => Ok((Token::Symbol("."), 1)),
        _ if is_word_start(first) => {
            let end = rest.find(|next| !is_word_part(next)).unwrap_or(rest.len());
            Ok((Token::Word(rest[..end].to_owned(), false), end))
        }
        _ => Ok((Token::Other(first), first.len_utf8())),
    }
}

fn is_word_start(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_' || !character.is_ascii()
}

fn is_word_part(character: char) -> bool {
    is_word_start(character) || character.is_ascii_digit() || character == '$'
}

/// A text in quotes that are doubled inside, and its length with them.
fn quoted(rest: &str, quote: char) -> Result<(String, usize), ContractError> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character != quote {
            text.push(character);
        } else if characters.next_if(|(_, next)| *next == quote).is_some() {
            text.push(quote);
        } else {
            return Ok((text, at + 1));
        }
    }
    Err(refuse(
        format!("a `{quote}` is not closed"),
        "close the quote",
    ))
}

/// `E'…'`, where a backslash takes the next character's meaning. What it spells does not matter.
fn escaped(rest: &str) -> Result<(Token, usize), ContractError> {
    let mut characters = rest.char_indices().skip(2).peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => {
                characters.next();
            }
            '\'' if characters.next_if(|(_, next)| *next == '\'').is_none() => {
                return Ok((Token::Other('\''), at + 1));
            }
            _ => {}
        }
    }
    Err(refuse("a `'` is not closed".to_owned(), "close the quote"))
}

/// `$$…$$` and `$tag$…$tag$`.
fn dollar_quoted(rest: &str) -> Option<(Token, usize)> {
    let tag_length = rest[1..].find('$')? + 2;
    let tag = &rest[..tag_length];
    let named = tag[1..tag_length - 1].chars().all(is_word_part);
    let starts_with_digit = tag[1..].starts_with(|next: char| next.is_ascii_digit());
    if !named || starts_with_digit {
        return None;
    }
    let end = rest[tag_length..].find(tag)?;
    let text = rest[tag_length..tag_length + end].to_owned();
    Some((Token::Text(text), tag_length + end + tag_length))
}

/// The length of a comment, which may hold comments.
fn comment(rest: &str) -> Result<usize, ContractError> {
    let bytes = rest.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return Ok(at);
        }
    }
    Err(refuse(
        "a `/*` is not closed".to_owned(),
        "close the comment",
    ))
}
