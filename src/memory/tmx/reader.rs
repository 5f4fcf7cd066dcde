//! Reads TMX one unit at a time: an iterator, so that the size of the file does not matter.
//!
//! What is wrong in one unit (no language, an unknown entity) is an error of that unit, and reading goes on behind it; where the
//! markup itself is broken, reading ends with an error that names the line.

use std::io::BufRead;

use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{XmlVersion, escape};

use super::source::Source;
use super::{Header, Property, Unit, Variant, primary};
use crate::memory::MemoryError;

/// Elements nest a handful deep (a `sub` in a `ph` in a `hi`); far more is an attack on the memory.
const DEEPEST: usize = 100;

/// What becomes of inline codes: the native markup in `bpt`, `ept`, `ph`, `it` and `ut`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Codes {
    /// They are left out with all that is in them, texts of their own (`sub`) too. Where a `ph` (an image, a line break) stood
    /// between two words, a space keeps them apart.
    #[default]
    Drop,
    /// What is in them stays, as text.
    Keep,
}

/// Reads the units of a TMX file.
pub struct Reader<R: BufRead> {
    xml: quick_xml::Reader<Source<R>>,
    name: String,
    codes: Codes,
    header: Header,
    /// Names of the open elements.
    open: Vec<String>,
    ended: bool,
}

/// Where text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Nothing,
    Note,
    Property,
    Segment,
}

/// A unit that is being read.
struct Unfinished {
    unit: Unit,
    /// The text that is being read, and its language.
    variant: Option<Variant>,
    has_segment: bool,
    into: Field,
    text: String,
    kind: String,
    /// How many codes are open around the text.
    codes: usize,
    /// Whether a placeholder was left out behind the text so far.
    gap: bool,
    /// The first thing that makes the unit useless.
    wrong: Option<String>,
}

impl<R: BufRead> Reader<R> {
    /// Begins to read: the head, up to the first unit. `name` is what messages call the file.
    ///
    /// # Errors
    /// The file cannot be read, is no TMX, or has a coding that is neither UTF-8 nor UTF-16.
    pub fn new(name: &str, input: R, codes: Codes) -> Result<Reader<R>, MemoryError> {
        let source =
            Source::open(input).map_err(|source| MemoryError::Read { name: name.to_string(), line: 1, source })?;
        let mut reader = Reader {
            xml: quick_xml::Reader::from_reader(source),
            name: name.to_string(),
            codes,
            header: Header::default(),
            open: Vec::new(),
            ended: false,
        };
        reader.read_head()?;
        Ok(reader)
    }

    /// What the head says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The line that was reached, from 1.
    pub fn line(&self) -> usize {
        self.xml.get_ref().line()
    }

    fn damaged(&self, reason: impl Into<String>) -> MemoryError {
        MemoryError::Damaged { name: self.name.clone(), line: self.line(), reason: reason.into() }
    }

    fn failed(&self, error: quick_xml::Error) -> MemoryError {
        match error {
            quick_xml::Error::Io(error) if error.kind() != std::io::ErrorKind::InvalidData => {
                let source = std::io::Error::new(error.kind(), error.to_string());
                MemoryError::Read { name: self.name.clone(), line: self.line(), source }
            }
            quick_xml::Error::Io(error) => self.damaged(error.to_string()),
            error => self.damaged(format!("no well-formed XML: {error}")),
        }
    }

    /// The next event; keeps the names of the open elements.
    fn event<'b>(&mut self, buffer: &'b mut Vec<u8>) -> Result<Event<'b>, MemoryError> {
        buffer.clear();
        let event = match self.xml.read_event_into(buffer) {
            Ok(event) => event,
            Err(error) => return Err(self.failed(error)),
        };
        match &event {
            Event::Start(start) if self.open.len() == DEEPEST => {
                let name = plain(start.name().as_ref()).to_string();
                return Err(self.damaged(format!("<{name}> is more than {DEEPEST} elements deep")));
            }
            Event::Start(start) => self.open.push(plain(start.name().as_ref()).to_string()),
            // That names match is the parser's own check.
            Event::End(_) => {
                self.open.pop();
            }
            Event::Eof => {
                return Err(match self.open.last() {
                    Some(open) => self.damaged(format!("the file ends inside <{open}>: is it cut short?")),
                    None => self.damaged("expected <tmx>, found nothing; is it a TMX file?"),
                });
            }
            _ => {}
        }
        Ok(event)
    }

    /// Reads to the start of the body.
    fn read_head(&mut self) -> Result<(), MemoryError> {
        let mut buffer = Vec::new();
        let mut in_root = false;
        loop {
            let event = self.event(&mut buffer)?;
            match &event {
                Event::Decl(declaration) => {
                    let coding = declaration.encoding().and_then(Result::ok).unwrap_or_default().to_lowercase();
                    if !matches!(coding.as_str(), "" | "utf-8" | "utf8" | "us-ascii" | "ascii" | "iso-10646-ucs-2")
                        && !coding.starts_with("utf-16")
                    {
                        let reason =
                            format!("expected UTF-8 or UTF-16, got {coding}; convert the file, for example with iconv");
                        return Err(self.damaged(reason));
                    }
                }
                Event::Start(start) | Event::Empty(start) => {
                    let name = start.name();
                    let name = plain(name.as_ref());
                    if !in_root && name != "tmx" {
                        return Err(self.damaged(format!("expected <tmx>, got <{name}>; is it a TMX file?")));
                    }
                    in_root = true;
                    let whole = matches!(event, Event::Start(_));
                    match name {
                        "header" => {
                            self.header.source_language = attribute(start, &["srclang"]).as_deref().and_then(primary);
                            let tool = attribute(start, &["creationtool"]).unwrap_or_default();
                            let version = attribute(start, &["creationtoolversion"]).unwrap_or_default();
                            self.header.tool = format!("{tool} {version}").trim().to_string();
                        }
                        "body" if whole => break,
                        "body" => {
                            self.ended = true;
                            break;
                        }
                        _ => {}
                    }
                }
                Event::End(_) if self.open.is_empty() => {
                    return Err(self.damaged("expected <body> in <tmx>, found none"));
                }
                _ => {}
            }
        }
        self.xml.get_mut().mark();
        Ok(())
    }

    /// Reads to the end of the next unit; `None` at the end of the body.
    fn read_unit(&mut self) -> Result<Option<Unit>, MemoryError> {
        let mut buffer = Vec::new();
        loop {
            let unit = match self.event(&mut buffer)? {
                Event::Start(start) if plain(start.name().as_ref()) == "tu" => Unfinished::new(&start),
                Event::Empty(start) if plain(start.name().as_ref()) == "tu" => {
                    return self.finish(Unfinished::new(&start));
                }
                Event::End(end) if plain(end.name().as_ref()) == "body" => {
                    self.ended = true;
                    return Ok(None);
                }
                _ => continue,
            };
            return self.read_inside(unit, buffer);
        }
    }

    /// Reads what is between `<tu>` and `</tu>`.
    fn read_inside(&mut self, mut unit: Unfinished, mut buffer: Vec<u8>) -> Result<Option<Unit>, MemoryError> {
        self.xml.get_mut().mark();
        let codes = self.codes;
        loop {
            match self.event(&mut buffer)? {
                Event::Start(start) => unit.start(&start, codes),
                Event::Empty(start) => {
                    unit.start(&start, codes);
                    unit.end(plain(start.name().as_ref()));
                }
                Event::End(end) => {
                    let name = end.name();
                    let name = plain(name.as_ref());
                    if name == "tu" && !self.open.iter().any(|open| open == "tu") {
                        return self.finish(unit);
                    }
                    unit.end(name);
                }
                Event::Text(text) => unit.add(&text.xml10_content(), codes),
                Event::CData(text) => unit.add(&text.xml10_content(), codes),
                Event::GeneralRef(entity) => match resolve(&entity) {
                    Ok(text) => unit.add(&text, codes),
                    Err(reason) => unit.spoil(reason),
                },
                _ => {}
            }
        }
    }

    fn finish(&mut self, unit: Unfinished) -> Result<Option<Unit>, MemoryError> {
        self.xml.get_mut().mark();
        let wrong = unit
            .wrong
            .or_else(|| unit.unit.variants.is_empty().then(|| "expected a <tuv> with a <seg>, found none".to_string()));
        match wrong {
            Some(reason) => Err(MemoryError::Unit { name: self.name.clone(), line: self.line(), reason }),
            None => Ok(Some(unit.unit)),
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Unit, MemoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let read = self.read_unit();
        if let Err(MemoryError::Damaged { .. } | MemoryError::Read { .. }) = &read {
            self.ended = true;
        }
        read.transpose()
    }
}

impl Unfinished {
    fn new(start: &BytesStart<'_>) -> Unfinished {
        let unit = Unit {
            id: attribute(start, &["tuid"]),
            source_language: attribute(start, &["srclang"]).as_deref().and_then(primary),
            created: attribute(start, &["creationdate"]),
            ..Unit::default()
        };
        Unfinished {
            unit,
            variant: None,
            has_segment: false,
            into: Field::Nothing,
            text: String::new(),
            kind: String::new(),
            codes: 0,
            gap: false,
            wrong: None,
        }
    }

    /// Remembers the first reason why the unit cannot be used.
    fn spoil(&mut self, reason: String) {
        self.wrong.get_or_insert(reason);
    }

    fn start(&mut self, start: &BytesStart<'_>, codes: Codes) {
        let name = start.name();
        let name = plain(name.as_ref());
        if self.into == Field::Segment {
            if is_code(name) {
                self.codes += 1;
                // Two words must not become one because a line break between them is gone.
                self.gap |= name == "ph" && codes == Codes::Drop;
            }
            return;
        }
        match name {
            "tuv" => {
                self.has_segment = false;
                let tag = attribute(start, &["xml:lang", "lang"]);
                let language = tag.as_deref().and_then(primary);
                match (tag, language) {
                    (Some(tag), Some(language)) => {
                        let created = attribute(start, &["creationdate"]);
                        self.variant = Some(Variant { tag, created, ..Variant::new(language, "") });
                    }
                    (Some(tag), None) => {
                        self.spoil(format!("xml:lang: expected a language such as en-US, got {tag:?}"));
                    }
                    (None, _) => self.spoil("expected xml:lang in <tuv>, found none".into()),
                }
            }
            "seg" => self.begin(Field::Segment),
            "note" => self.begin(Field::Note),
            "prop" => {
                self.begin(Field::Property);
                self.kind = attribute(start, &["type"]).unwrap_or_default();
            }
            _ => {}
        }
    }

    fn begin(&mut self, into: Field) {
        self.into = into;
        self.text.clear();
        self.codes = 0;
        self.gap = false;
    }

    fn add(&mut self, text: &str, codes: Codes) {
        let kept = self.into != Field::Segment || self.codes == 0 || codes == Codes::Keep;
        if self.into == Field::Nothing || !kept || text.is_empty() {
            return;
        }
        let joins = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        if std::mem::take(&mut self.gap) && joins(self.text.chars().next_back()) && joins(text.chars().next()) {
            self.text.push(' ');
        }
        self.text.push_str(text);
    }

    fn end(&mut self, name: &str) {
        if self.into == Field::Segment && name != "seg" {
            if is_code(name) {
                self.codes = self.codes.saturating_sub(1);
            }
            return;
        }
        match name {
            "seg" => {
                self.into = Field::Nothing;
                self.has_segment = true;
                if let Some(variant) = &mut self.variant {
                    variant.text = std::mem::take(&mut self.text);
                }
            }
            "note" => {
                self.into = Field::Nothing;
                let note = std::mem::take(&mut self.text);
                self.variant.as_mut().map_or(&mut self.unit.notes, |variant| &mut variant.notes).push(note);
            }
            "prop" => {
                self.into = Field::Nothing;
                let property = Property { kind: std::mem::take(&mut self.kind), text: std::mem::take(&mut self.text) };
                let properties = self.variant.as_mut().map_or(&mut self.unit.properties, |v| &mut v.properties);
                properties.push(property);
            }
            "tuv" => match self.variant.take() {
                Some(variant) if self.has_segment => self.unit.variants.push(variant),
                Some(variant) => self.spoil(format!("expected <seg> in the <tuv> for {}, found none", variant.tag)),
                None => {}
            },
            _ => {}
        }
    }
}

/// Elements whose content is native markup. `hi` and what is unknown are not: their text belongs to the sentence.
fn is_code(name: &str) -> bool {
    matches!(name, "bpt" | "ept" | "ph" | "it" | "ut" | "sub")
}

/// A name without its prefix, which some programs write before every element.
fn plain(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// The first attribute of these names.
fn attribute(start: &BytesStart<'_>, names: &[&str]) -> Option<String> {
    let text = |attribute: &Attribute<'_>| {
        attribute.normalized_value(XmlVersion::Implicit1_0).ok().map(|value| value.trim().to_string())
    };
    names.iter().find_map(|name| start.try_get_attribute(name).ok().flatten().as_ref().and_then(text))
}

/// What an entity stands for.
fn resolve(entity: &BytesRef<'_>) -> Result<String, String> {
    match entity.resolve_char_ref() {
        Ok(Some(c)) => return Ok(c.to_string()),
        Err(error) => return Err(format!("character reference: {error}")),
        Ok(None) => {}
    }
    let name = entity.xml10_content();
    escape::resolve_predefined_entity(&name)
        .map(str::to_string)
        .ok_or_else(|| format!("unknown entity &{name}; expected one of XML's own five"))
}
