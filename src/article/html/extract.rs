//! Takes the article out of a page, with `dom_smoothie` (the rules of Mozilla's Readability): title, byline, date, body.
//!
//! What comes out is a small page of its own. What the rules cannot do is in `docs/formats.md`.

use super::reader::{read, too_deep};
use super::token::{TokenKind, Tokens};
use crate::article::ArticleError;
use crate::document::Escape;
use dom_smoothie::{Config, Readability};
use std::borrow::Cow;

/// Deeper nesting is refused: the library goes down by recursion.
const DEEPEST: usize = 512;
/// More elements are refused: no page of an article has them.
const MOST_ELEMENTS: usize = 100_000;
/// So many tags such as `<b>` may lack their end tag; a parser opens them anew in every block that follows.
const MOST_UNCLOSED: usize = 64;

/// The article on a page, as a page.
///
/// # Errors
///
/// Pages without an article and pages that no parser should be given.
pub(super) fn article(page: &str) -> Result<String, ArticleError> {
    refuse_hostile(page)?;
    let config = Config { max_elements_to_parse: MOST_ELEMENTS, ..Config::default() };
    let found = Readability::new(page, None, Some(config)).and_then(|mut page| page.parse());
    let found = found.map_err(|error| ArticleError::Fields {
        format: "html",
        message: format!(
            "expected a page with an article, got one in which none is found ({error}); read the whole page instead"
        ),
    })?;
    let body = body(&found.content);
    if !has_article(body) {
        return Err(ArticleError::Fields {
            format: "html",
            message: "expected a page with an article, got one of links; read the whole page instead".to_string(),
        });
    }
    let language = found.lang.as_deref().map(str::trim).filter(|language| !language.is_empty());
    let language = language.map(|language| format!(" lang=\"{}\"", Escape::Attribute.apply(language)));
    let title = escaped(&found.title);
    let mut lines = vec![
        "<!DOCTYPE html>".to_string(),
        format!("<html{}>", language.unwrap_or_default()),
        format!("<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n</head>"),
        "<body>\n<article>".to_string(),
    ];
    if !title.is_empty() {
        lines.push(format!("<h1>{title}</h1>"));
    }
    if let Some(byline) = found.byline.as_deref().filter(|byline| !begins_with(body, byline)) {
        lines.push(format!("<p class=\"byline\">{}</p>", escaped(byline)));
    }
    if let Some(time) = &found.published_time {
        let value = Escape::Attribute.apply(time.trim());
        lines.push(format!("<p translate=\"no\"><time datetime=\"{value}\">{}</time></p>", escaped(time)));
    }
    lines.push(body.to_string());
    lines.push("</article>\n</body>\n</html>\n".to_string());
    Ok(lines.join("\n"))
}

/// The body without the element that the library puts around it.
fn body(content: &str) -> &str {
    let content = content.trim();
    let inner = content.strip_prefix("<div id=\"readability-page-1\" class=\"page\">");
    inner.and_then(|inner| inner.strip_suffix("</div>")).unwrap_or(content).trim()
}

/// Whether the body has words of which most stand outside of links: a front page has not.
fn has_article(body: &str) -> bool {
    let letters = |range: std::ops::Range<usize>| body[range].chars().filter(|c| c.is_alphanumeric()).count();
    let (mut linked, mut free, mut open, mut at) = (0, 0, 0usize, 0);
    for token in Tokens::new(body) {
        let sum = if open > 0 { &mut linked } else { &mut free };
        *sum += letters(at..token.span.start);
        at = token.span.end;
        match token.kind {
            TokenKind::Start { name, .. } if name == "a" => open += 1,
            TokenKind::End { name } if name == "a" => open = open.saturating_sub(1),
            _ => {}
        }
    }
    free += letters(at..body.len());
    free > linked
}

/// Whether the first lines of the body name the author.
fn begins_with(body: &str, byline: &str) -> bool {
    let document = read(body);
    let byline = byline.trim();
    document.blocks.iter().take(3).any(|block| document.words(block).contains(byline))
}

fn escaped(words: &str) -> Cow<'_, str> {
    Escape::Markup.apply(words.trim())
}

/// Refuses what would cost a parser its stack or the square of its time.
fn refuse_hostile(page: &str) -> Result<(), ArticleError> {
    let refuse = |at: usize, message: String| {
        let line = 1 + page.as_bytes()[..at].split(|b| *b == b'\n').skip(1).count();
        Err(ArticleError::Syntax { format: "html", line, message })
    };
    if let Some(at) = too_deep(page, DEEPEST) {
        return refuse(at, format!("expected tags nested at most {DEEPEST} deep in a page to take the article out of"));
    }
    let mut unclosed = 0usize;
    for token in Tokens::new(page) {
        match token.kind {
            TokenKind::Start { name, .. } if is_formatting(&name) => unclosed += 1,
            TokenKind::End { name } if is_formatting(&name) => unclosed = unclosed.saturating_sub(1),
            _ => {}
        }
        if unclosed > MOST_UNCLOSED {
            let message =
                format!("expected at most {MOST_UNCLOSED} open tags such as <b> in a page to take the article out of");
            return refuse(token.span.start, message);
        }
    }
    Ok(())
}

/// The elements that a parser opens anew after a block has ended them.
fn is_formatting(name: &str) -> bool {
    matches!(
        name,
        "a" | "b" | "big" | "code" | "em" | "font" | "i" | "nobr" | "s" | "small" | "strike" | "strong" | "tt" | "u"
    )
}
