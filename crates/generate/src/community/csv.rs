//! A line of CSV in the form in which tables are extracted: UTF-8, commas, LF; nothing for NULL,
//! `""` for the empty text.

/// One line.
#[derive(Debug, Default)]
pub struct Row {
    bytes: Vec<u8>,
    fields: usize,
}

impl Row {
    /// Forgets the last line.
    pub fn begin(&mut self) -> &mut Self {
        self.bytes.clear();
        self.fields = 0;
        self
    }

    /// A text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.separate();
        let is_plain = !text.is_empty()
            && !text
                .bytes()
                .any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r'));
        if is_plain {
            self.bytes.extend_from_slice(text.as_bytes());
            return self;
        }
        self.bytes.push(b'"');
        for byte in text.bytes() {
            if byte == b'"' {
                self.bytes.push(b'"');
            }
            self.bytes.push(byte);
        }
        self.bytes.push(b'"');
        self
    }

    /// A text, or NULL.
    pub fn maybe(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(text),
            None => {
                self.separate();
                self
            }
        }
    }

    fn separate(&mut self) {
        if self.fields > 0 {
            self.bytes.push(b',');
        }
        self.fields += 1;
    }

    /// The line with its end.
    pub fn line(&self) -> &[u8] {
        &self.bytes
    }

    /// Ends the line.
    pub fn end(&mut self) -> &Self {
        self.bytes.push(b'\n');
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Row;

    #[test]
    fn null_is_nothing_and_the_empty_text_is_quoted() {
        let mut row = Row::default();
        row.begin()
            .text("a")
            .maybe(None)
            .text("")
            .text("b,\"c\"\nd")
            .end();
        assert_eq!(row.line(), b"a,,\"\",\"b,\"\"c\"\"\nd\"\n");
        row.begin().maybe(None).text("x").end();
        assert_eq!(row.line(), b",x\n");
    }
}
