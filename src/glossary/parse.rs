//! Reads the files: a table of terms with a column for each language, and a list of terms that stay as they are.

use super::inflect::regular_plural;
use super::words::Form;
use super::{Cell, Column, Glossary, Keep, Row, Use};
use crate::language::Language;

/// Characters of a term at most; what is longer is no term.
const LONGEST: usize = 200;

/// A file that is no glossary or no list of terms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {reason}")]
pub struct GlossaryError {
    /// The file's name, as it was given.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong: what was expected, what was found, what to do.
    pub reason: String,
}

impl Glossary {
    /// Reads a table: UTF-8, cells separated by tabs, the first line with the languages of the columns. `docs/glossary.md`
    /// describes it. `file` is for messages only.
    ///
    /// # Errors
    /// The first thing that is not as it has to be, with its line.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Glossary, GlossaryError> {
        let text = utf8(file, bytes)?;
        let mut lines = lines(text).filter(|(_, line)| !line.trim_start().starts_with('#'));
        let fail = |line: usize, reason: String| GlossaryError { file: file.into(), line, reason };
        let (line, header) = lines.next().ok_or_else(|| {
            let advice = "expected a first line with the languages of the columns, such as en, a tab, uk; got nothing";
            fail(1, format!("no header: {advice}"))
        })?;
        let columns = header_columns(header).map_err(|reason| fail(line, reason))?;
        let mut rows = Vec::new();
        for (line, text) in lines {
            rows.push(row(text, &columns).map_err(|reason| fail(line, reason))?);
        }
        Ok(Glossary::new(columns, rows))
    }
}

impl Keep {
    /// Reads a list of terms, one a line; lines that begin with `#` are comments. `file` is for messages only.
    ///
    /// # Errors
    /// The file is no UTF-8, or a line is too long for a term.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Keep, GlossaryError> {
        let text = utf8(file, bytes)?;
        let mut terms = Vec::new();
        for (line, text) in lines(text).filter(|(_, line)| !line.trim_start().starts_with('#')) {
            let term = unescaped(text.trim());
            check_length(&term).map_err(|reason| GlossaryError { file: file.into(), line, reason })?;
            terms.push(term);
        }
        Ok(Keep::new(terms))
    }
}

/// The text of a file without its byte order mark.
fn utf8<'b>(file: &str, bytes: &'b [u8]) -> Result<&'b str, GlossaryError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{FEFF}').unwrap_or(text)),
        Err(error) => {
            let line = bytes[..error.valid_up_to()].split(|&byte| byte == b'\n').count();
            let reason = "expected UTF-8, got bytes of another encoding; save the file as UTF-8".into();
            Err(GlossaryError { file: file.into(), line, reason })
        }
    }
}

/// The lines that hold something, numbered from 1.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    numbered.filter(|(_, line)| !line.trim().is_empty())
}

/// `en`, `en>` (read only), `>en` (written only).
fn header_columns(line: &str) -> Result<Vec<Column>, String> {
    let mut columns: Vec<Column> = Vec::new();
    for cell in line.split('\t') {
        let cell = cell.trim();
        let (tag, direction) = match (cell.strip_prefix('>'), cell.strip_suffix('>')) {
            (Some(tag), _) => (tag, Use::Written),
            (_, Some(tag)) => (tag, Use::Read),
            _ => (cell, Use::Both),
        };
        let language: Language = tag.parse().map_err(|_| {
            format!(
                "header: expected language tags separated by tabs, such as en, uk, ko, got {cell:?}; the first line names \
                 the columns"
            )
        })?;
        if columns.iter().any(|other| other.language == language && other.used.overlaps(direction)) {
            return Err(format!(
                "header: {language} stands twice; give each language one column (or one {language}> that \
                                is read and one >{language} that is written)"
            ));
        }
        columns.push(Column { language, used: direction });
    }
    if columns.len() < 2 {
        return Err(format!(
            "header: expected at least two languages, got one ({}); separate the columns by tabs",
            columns[0].language
        ));
    }
    Ok(columns)
}

fn row(line: &str, columns: &[Column]) -> Result<Row, String> {
    let texts: Vec<&str> = line.split('\t').collect();
    if texts.len() > columns.len() && texts[columns.len()..].iter().any(|text| !text.trim().is_empty()) {
        let (wanted, got) = (columns.len(), texts.len());
        return Err(format!("expected at most {wanted} cells, as the header has, got {got}; remove a tab"));
    }
    let mut cells = Vec::with_capacity(columns.len());
    for (index, column) in columns.iter().enumerate() {
        let text = texts.get(index).map_or("", |text| text.trim());
        cells.push(if text.is_empty() { None } else { Some(cell(text, column.language)?) });
    }
    if cells.iter().flatten().count() < 2 {
        return Err(format!(
            "expected a term in at least two columns, got {:?}; separate cells by a tab, not by spaces",
            line.trim()
        ));
    }
    Ok(Row { cells })
}

/// `term`, `term = form|form`, `form|form`.
fn cell(text: &str, language: Language) -> Result<Cell, String> {
    let mut forms: Vec<String> = Vec::new();
    let parts = split(text);
    for part in &parts {
        let form = unescaped(part.trim());
        if form.is_empty() {
            return Err(format!("{text:?}: expected a form on both sides of = and |, got nothing; remove the sign"));
        }
        check_length(&form)?;
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    let listed = parts.len() > 1;
    if !listed {
        let plural = regular_plural(&forms[0], language);
        forms.extend(plural.filter(|plural| *plural != forms[0]));
    }
    let forms = forms.into_iter().map(Form::new).collect();
    Ok(Cell { forms, listed })
}

fn check_length(term: &str) -> Result<(), String> {
    let length = term.chars().count();
    if length > LONGEST {
        let start: String = term.chars().take(30).collect();
        return Err(format!("{start:?}…: expected a term of at most {LONGEST} characters, got {length}"));
    }
    if !term.chars().any(char::is_alphanumeric) {
        return Err(format!("{term:?}: expected a term with a letter or a digit; begin a comment with #"));
    }
    Ok(())
}

/// The parts of a cell: at the first `=`, and at every `|`, unless a backslash stands before it.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped, mut equals) = (0, false, false);
    for (at, c) in text.char_indices() {
        if !escaped && (c == '|' || c == '=' && !equals && parts.is_empty()) {
            parts.push(&text[start..at]);
            start = at + 1;
            equals |= c == '=';
        }
        escaped = c == '\\' && !escaped;
    }
    parts.push(&text[start..]);
    parts
}

/// Without the backslashes before `|`, `=`, `#` and `\`.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let escapes = c == '\\' && chars.peek().is_some_and(|next| matches!(next, '|' | '=' | '#' | '\\'));
        plain.extend(if escapes { chars.next() } else { Some(c) });
    }
    plain
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// The forms of all cells of a table, rows separated by `;`, cells by `/`.
    fn check(text: &str, expected: &str) {
        let glossary = Glossary::parse("terms.tsv", text.as_bytes()).unwrap();
        let cell = |cell: &Option<Cell>| {
            let forms = cell.iter().flat_map(|cell| &cell.forms).map(|form| form.text.as_str());
            forms.collect::<Vec<_>>().join("|")
        };
        let row = |row: &Row| row.cells.iter().map(cell).collect::<Vec<_>>().join("/");
        assert_eq!(glossary.rows.iter().map(row).collect::<Vec<_>>().join(";"), expected, "{text:?}");
    }

    fn refused(text: &[u8], line: usize, part: &str) {
        let error = Glossary::parse("terms.tsv", text).unwrap_err();
        assert_eq!(error.line, line, "{error}");
        assert!(error.to_string().starts_with("terms.tsv, line ") && error.reason.contains(part), "{error}");
    }

    #[test]
    fn cells_hold_terms_and_their_forms() {
        check("en\tuk\nNATO\tНАТО\n", "NATO/НАТО");
        check(
            "en\tuk\tko\nstate = states|the state\tдержава=держави | державу\t국가",
            "state|states|the state/держава|держави|державу/국가",
        );
        check("\u{FEFF}en\tuk\r\n# a comment\r\n\r\nNATO\tНАТО\r\n", "NATO/НАТО");
        check("en\tuk\tko\n\tміст\t다리\nGDP\tВВП", "/міст/다리;GDP/ВВП/");
        check("en\tuk\nA\\|B = a\\=b|\\#c\tx = x", "A|B|a=b|#c/x");
        check("en\tuk\nE = mc = 2\tЕ = я", "E|mc = 2/Е|я");
        check("en\tuk\nGDP\tВВП\t\t\n", "GDP/ВВП");
    }

    #[test]
    fn a_term_alone_has_its_regular_plural() {
        check("en\tfr\nbank\tbanque", "bank|banks/banque|banques");
        check("en\tfr\nbank = bank\tbanque|banque", "bank/banque");
        check("en\tfr\nNATO\tOTAN", "NATO/OTAN");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        refused(b"", 1, "no header");
        refused("en\nbank".as_bytes(), 1, "at least two languages");
        refused("english words\tuk\n".as_bytes(), 1, "got \"english words\"");
        refused("en\tuk\ten\n".as_bytes(), 1, "en stands twice");
        refused("en\tuk\nbank    банк".as_bytes(), 2, "separate cells by a tab");
        refused("# x\nen\tuk\na\tb\tc\n".as_bytes(), 3, "at most 2 cells");
        refused("en\tuk\nbank = |banks\tбанк".as_bytes(), 2, "on both sides");
        refused(b"en\tuk\nbank\t\xff\xfe", 2, "UTF-8");
        refused(format!("en\tuk\n{}\tx", "a".repeat(201)).as_bytes(), 2, "at most 200 characters");
        refused("en\tuk\n--\tx".as_bytes(), 2, "a letter or a digit");
    }

    #[test]
    fn columns_may_have_a_direction() {
        let glossary = Glossary::parse("t", "en>\t>en\tuk\nfoe\tenemy\tворог".as_bytes()).unwrap();
        let (en, uk) = (Language::EN, Language::UK);
        assert_eq!(glossary.find("A foe.", (en, uk), &[]).len(), 1);
        assert!(glossary.find("An enemy.", (en, uk), &[]).is_empty());
        assert_eq!(glossary.find("Ворог.", (uk, en), &[])[0].forms, ["enemy", "enemies"]);
    }

    #[test]
    fn a_list_has_a_term_a_line() {
        let keep =
            Keep::parse("keep.txt", "\u{FEFF}# names\r\nApple\r\n\r\n  New York Times \n\\#MeToo".as_bytes()).unwrap();
        assert_eq!(keep.find("Apple, the New York Times, #MeToo").len(), 3);
        assert!(Keep::parse("keep.txt", b"\xff").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_a_glossary_or_an_error(
            bytes in prop::collection::vec(0u8.., 0..200),
            text in "(en|uk|ko|>|\t|\n|=|\\||\\\\|#|\\PC){0,60}",
        ) {
            let _ = Glossary::parse("t", &bytes);
            let _ = Keep::parse("t", &bytes);
            let _ = Glossary::parse("t", format!("en\tuk\n{text}").as_bytes());
            if let Ok(keep) = Keep::parse("t", text.as_bytes()) {
                for span in keep.find(&text) {
                    prop_assert!(text.get(span).is_some());
                }
            }
        }
    }
}
