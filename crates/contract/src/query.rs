//! The SELECT in a file that stands in for a table of PostgreSQL.

use crate::{ContractError, Position, suggest};

/// What a query may ask for.
const PLACEHOLDERS: [&str; 2] = ["day_start", "day_end"];

/// One SELECT, with `:day_start` and `:day_end` where the day's bounds go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    DayStart,
    DayEnd,
}

impl Query {
    /// Reads the text of a query. Whether it is SQL is for the server to say; that it is one
    /// statement, and a SELECT, is known here.
    ///
    /// # Errors
    /// It is empty, several statements or no SELECT, or it asks for what there is not.
    pub fn parse(text: &str) -> Result<Self, ContractError> {
        let mut scan = Scan {
            text,
            at: 0,
            pieces: Vec::new(),
            piece_start: 0,
            first_word: None,
            end: None,
        };
        scan.run()?;
        let Some(first_word) = scan.first_word else {
            return Err(ContractError::invalid("the query is empty").with_hint("write one SELECT"));
        };
        if !["select", "with"].contains(&first_word.to_lowercase().as_str()) {
            return Err(
                ContractError::invalid(format!("the query begins with `{first_word}`"))
                    .with_hint("write one SELECT, or `WITH … SELECT`"),
            );
        }
        let end = scan.end.unwrap_or(text.len());
        scan.push_text(end);
        Ok(Self {
            pieces: scan.pieces,
        })
    }

    /// Whether it asks for the day's bounds.
    #[must_use]
    pub fn names_day(&self) -> bool {
        self.pieces
            .iter()
            .any(|piece| !matches!(piece, Piece::Text(_)))
    }

    /// The statement with SQL expressions for the day's bounds.
    #[must_use]
    pub fn bound(&self, day_start: &str, day_end: &str) -> String {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::DayStart => day_start,
            Piece::DayEnd => day_end,
        });
        pieces.collect()
    }
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    pieces: Vec<Piece>,
    piece_start: usize,
    first_word: Option<&'a str>,
    /// Where the semicolon is that ends the statement.
    end: Option<usize>,
}

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn push_text(&mut self, end: usize) {
        let text = &self.text[self.piece_start..end.max(self.piece_start)];
        if !text.is_empty() {
            self.pieces.push(Piece::Text(text.to_owned()));
        }
    }

    fn run(&mut self) -> Result<(), ContractError> {
        while let Some(character) = self.rest().chars().next() {
            let start = self.at;
            if self.skip_comment() || character.is_whitespace() {
                if self.at == start {
                    self.at += character.len_utf8();
                }
                continue;
            }
            if self.end.is_some() {
                return Err(
                    ContractError::invalid("the query is more than one statement")
                        .with_hint("write one SELECT; make a view in the database of anything else")
                        .at(self.position(start)),
                );
            }
            match character {
                ';' => {
                    self.end = Some(self.at);
                    self.at += 1;
                }
                '\'' | '"' => self.skip_quoted(character, false),
                '$' if self.skip_dollar_quoted() => {}
                ':' => self.placeholder()?,
                first if first.is_alphabetic() || first == '_' => self.word(),
                other => self.at += other.len_utf8(),
            }
        }
        Ok(())
    }

    fn word(&mut self) {
        let word = word_at(self.rest());
        self.first_word.get_or_insert(word);
        self.at += word.len();
        // In `E'…'` a backslash escapes.
        if word.eq_ignore_ascii_case("e") && self.rest().starts_with('\'') {
            self.skip_quoted('\'', true);
        }
    }

    fn placeholder(&mut self) -> Result<(), ContractError> {
        // A cast is no placeholder.
        if self.rest().starts_with("::") {
            self.at += 2;
            return Ok(());
        }
        let word = word_at(&self.rest()[1..]);
        let piece = match word {
            "day_start" => Piece::DayStart,
            "day_end" => Piece::DayEnd,
            // A slice of an array, `a[1:n]`, has a colon too.
            word if !word.starts_with("day") => {
                self.at += 1;
                return Ok(());
            }
            word => {
                return Err(
                    ContractError::invalid(format!("the query asks for `:{word}`"))
                        .with_hint(suggest::hint(word, &PLACEHOLDERS, "placeholders"))
                        .at(self.position(self.at)),
                );
            }
        };
        self.push_text(self.at);
        self.pieces.push(piece);
        self.at += 1 + word.len();
        self.piece_start = self.at;
        Ok(())
    }

    fn skip_comment(&mut self) -> bool {
        if self.rest().starts_with("--") {
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
            return true;
        }
        if !self.rest().starts_with("/*") {
            return false;
        }
        let mut depth = 0;
        while let Some(character) = self.rest().chars().next() {
            if self.rest().starts_with("/*") {
                depth += 1;
                self.at += 2;
            } else if self.rest().starts_with("*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    break;
                }
            } else {
                self.at += character.len_utf8();
            }
        }
        true
    }

    /// A doubled quote is skipped as two texts.
    fn skip_quoted(&mut self, quote: char, has_escapes: bool) {
        let mut characters = self.rest()[1..].char_indices();
        while let Some((offset, character)) = characters.next() {
            if has_escapes && character == '\\' {
                characters.next();
            } else if character == quote {
                self.at += offset + 2;
                return;
            }
        }
        self.at = self.text.len();
    }

    fn skip_dollar_quoted(&mut self) -> bool {
        let Some(end) = self.rest()[1..].find('$') else {
            return false;
        };
        let tag = &self.rest()[..end + 2];
        let name = &tag[1..tag.len() - 1];
        if name.starts_with(|first: char| first.is_ascii_digit())
            || !name
                .chars()
                .all(|next| next.is_alphanumeric() || next == '_')
        {
            return false;
        }
        self.at += match self.rest()[tag.len()..].find(tag) {
            Some(found) => found + 2 * tag.len(),
            None => self.rest().len(),
        };
        true
    }

    fn position(&self, at: usize) -> Position {
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Position {
            line: before.matches('\n').count() as u64 + 1,
            column: before[line_start..].chars().count() as u64 + 1,
        }
    }
}

fn word_at(text: &str) -> &str {
    let end = text.find(|next: char| !next.is_alphanumeric() && next != '_');
    &text[..end.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::Query;

    #[test]
    fn placeholders_are_bound_where_they_are_sql_and_nowhere_else() {
        let text = "-- of :day_start; here\nWITH a AS (select ':day_start', \":day_end\", E'\\':day_end', $x$:day_end;$x$, b::day_start, c[1:n]\nfrom t /* :day_end /* ; */ */ where d >= :day_start and d < :day_end) select * from a ;\n-- end\n";
        let query = Query::parse(text).unwrap();
        assert!(query.names_day());
        let bound = query.bound("<start>", "<end>");
        assert_eq!(bound.matches("<start>").count(), 1, "{bound}");
        assert_eq!(bound.matches("<end>").count(), 1, "{bound}");
        assert!(bound.ends_with("select * from a "), "{bound}");
        let again = bound
            .replace("<start>", ":day_start")
            .replace("<end>", ":day_end");
        assert!(text.starts_with(&again), "{again}");
    }

    #[test]
    fn what_is_not_one_select_is_refused() {
        for (text, message) in [
            ("", "the query is empty"),
            (" -- nothing\n", "the query is empty"),
            ("delete from a", "the query begins with `delete`"),
            (
                "select 1;\n  select 2",
                "the query is more than one statement (line 2, column 3)",
            ),
            (
                "select :day_begin",
                "the query asks for `:day_begin` (line 1, column 8)",
            ),
        ] {
            assert_eq!(Query::parse(text).unwrap_err().to_string(), message);
        }
        assert!(!Query::parse("select 1").unwrap().names_day());
        assert!(Query::parse("select 'a;b', 'unclosed").is_ok());
    }
}
