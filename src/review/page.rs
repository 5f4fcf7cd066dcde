//! The page around the articles: its head with policy and style, what is known of the job, tools, list of articles, help,
//! script.

use super::article::{Entry, Tally, count};
use super::policy::policy;
use super::{Job, escape};
use crate::job::report::Tail;
use crate::language::Language;
use std::fmt::Write;

const STYLE: &str = include_str!("page.css");
/// Runs before anything is drawn, so that a page in the dark does not flash.
const EARLY: &str = include_str!("early.js");
const SCRIPT: &str = include_str!("page.js");

/// What stands before the articles of a page that is not finished: enough to read it after a crash.
pub(super) fn unfinished(job: &Job<'_>) -> String {
    let mut out = String::new();
    write_head(&mut out, "Unfinished review copy");
    let _ = write!(
        out,
        "<body>\n<header class=\"top\"><p class=\"kicker\">tlumach review copy</p><h1>Unfinished: {}</h1>\
         <p class=\"lede\">The job did not come to its end. The articles that were finished stand here in the order in \
         which they were.</p></header>\n<main id=\"articles\">\n",
        task(job)
    );
    out
}

/// What stands before the articles of a finished page.
pub(super) fn front(job: &Job<'_>, entries: &[Entry], tail: &Tail) -> String {
    let tally = entries.iter().fold(Tally::default(), |sum, entry| sum.plus(entry.tally));
    let title = format!("{} {}", count(entries.len(), "article"), task(job));
    let mut out = String::new();
    write_head(&mut out, &format!("{title} – review copy"));
    out.push_str("<body>\n<a class=\"skip\" href=\"#articles\">Skip to the articles</a>\n");
    let _ = write!(out, "<header class=\"top\"><p class=\"kicker\">tlumach review copy</p><h1>{title}</h1>");
    write_facts(&mut out, job, tail);
    out.push_str("</header>\n");
    write_tools(&mut out, tally);
    if entries.len() > 1 {
        write_contents(&mut out, entries);
    }
    out.push_str("<main id=\"articles\" tabindex=\"-1\">\n");
    out
}

/// What stands behind the articles.
pub(super) fn back() -> String {
    let mut out = String::from(
        "</main>\n<p class=\"empty\" hidden>Nothing here fits the filter. <button type=\"button\" class=\"clear\">Show everything</button></p>\n",
    );
    out.push_str(HELP);
    let _ =
        write!(out, "<p id=\"said\" class=\"vh\" role=\"status\"></p>\n<script>{SCRIPT}</script>\n</body>\n</html>\n");
    out
}

fn write_head(out: &mut String, title: &str) {
    let policy = policy(STYLE, &[EARLY, SCRIPT]);
    let version = env!("CARGO_PKG_VERSION");
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"generator\" content=\"tlumach {version}\">\n<title>"
    );
    escape::plain(out, title);
    let _ = write!(out, "</title>\n<script>{EARLY}</script>\n<style>{STYLE}</style>\n</head>\n");
}

/// What the job did, in words.
fn task(job: &Job<'_>) -> String {
    let what = match job.head.task {
        "summarize" => "summarized",
        "check" => "checked",
        _ => "translated",
    };
    match job.to {
        Some(to) => format!("{what} {} {}", if what == "summarized" { "in" } else { "into" }, to.english_name()),
        None => what.to_string(),
    }
}

/// Models and options, on demand.
fn write_facts(out: &mut String, job: &Job<'_>, tail: &Tail) {
    let names: Vec<&str> = tail.models.iter().map(|model| model.name.as_str()).collect();
    let totals = &tail.totals;
    let mut lede = vec![count(totals.segments, "segment"), count(totals.source_words, "word")];
    if totals.failed > 0 {
        lede.push(format!("{} not finished", count(totals.failed, "article")));
    }
    if totals.needs_review > 0 {
        lede.push(format!("{} to be reviewed", totals.needs_review));
    }
    if !names.is_empty() {
        lede.push(format!("with {}", names.join(", ")));
    }
    out.push_str("<p class=\"lede\">");
    escape::text(out, &lede.join(" · "));
    out.push_str("</p>\n<details class=\"options\"><summary>Options and models</summary><dl class=\"facts\">");
    let mut fact = |label: &str, text: &str| {
        out.push_str("<div><dt>");
        escape::text(out, label);
        out.push_str("</dt><dd>");
        escape::text(out, text);
        out.push_str("</dd></div>");
    };
    for (name, value) in &job.head.options {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_string);
        if value != "null" {
            fact(&name.replace('_', "-"), &value);
        }
    }
    for model in &tail.models {
        let revision = model.revision.as_deref().unwrap_or("revision not known");
        let license = model.license.as_deref().unwrap_or("licence not known");
        fact(&model.name, &format!("{}, {license}, {revision}", model.family));
    }
    out.push_str("</dl></details>");
}

/// Filter, search and the like; they need the script, and the style hides them where it does not run.
fn write_tools(out: &mut String, tally: Tally) {
    out.push_str("<div class=\"tools\" role=\"region\" aria-label=\"Filter and navigation\">\n<fieldset class=\"show\"><legend class=\"vh\">Show</legend>");
    let errors = tally.errors;
    let warnings = errors + tally.warnings;
    let notes = warnings + tally.notes;
    for (level, label, number, class) in [
        (0, "All", tally.segments, "all"),
        (1, "Notes <span class=\"up\">and up</span>", notes, "note"),
        (2, "Warnings <span class=\"up\">and up</span>", warnings, "warning"),
        (3, "Errors", errors, "error"),
    ] {
        let checked = if level == 0 { " checked" } else { "" };
        let meaning = if level == 0 { "segments" } else { "findings" };
        let _ = write!(
            out,
            "<label class=\"{class}\"><input type=\"radio\" name=\"show\" value=\"{level}\" autocomplete=\"off\"{checked}>\
             <span>{label} <b>{number}</b><span class=\"vh\"> {meaning}</span></span></label>"
        );
    }
    out.push_str(TOOLS);
}

fn write_contents(out: &mut String, entries: &[Entry]) {
    let open = if entries.len() <= 40 { " open" } else { "" };
    let _ = write!(
        out,
        "<nav class=\"contents\" aria-label=\"Articles\"><details{open}><summary>Articles</summary>\n<table><thead><tr>\
         <th scope=\"col\" class=\"num\">No.</th><th scope=\"col\">Article</th><th scope=\"col\">Status</th>\
         <th scope=\"col\" class=\"num wide\">Segments</th><th scope=\"col\" class=\"num\">Errors</th>\
         <th scope=\"col\" class=\"num\">Warnings</th><th scope=\"col\" class=\"num\">Notes</th></tr></thead><tbody>\n"
    );
    for entry in entries {
        out.push_str(&entry.html);
    }
    out.push_str("</tbody></table></details></nav>\n");
}

/// The target language of a job, from its options.
pub(super) fn target(options: &std::collections::BTreeMap<&'static str, serde_json::Value>) -> Option<Language> {
    options.get("to")?.as_str()?.parse().ok()
}

/// The rest of the tools, after the choice of severities.
const TOOLS: &str = r#"</fieldset>
<label class="only review" hidden><input type="checkbox" id="review" autocomplete="off"> To be reviewed</label>
<label class="only"><input type="checkbox" id="unseen" autocomplete="off"> Hide looked at</label>
<label class="find-text"><span class="vh">Search in source, translation and findings</span><input type="search" id="search" placeholder="Search" autocomplete="off" spellcheck="false"></label>
<div class="steps" role="group" aria-label="Findings"><button type="button" id="previous" title="Previous finding (k)"><span aria-hidden="true">↑</span><span class="vh">Previous finding</span></button><span id="position"></span><button type="button" id="next" title="Next finding (j)"><span aria-hidden="true">↓</span><span class="vh">Next finding</span></button></div>
<div class="ends"><button type="button" id="copy" title="Copy the findings that are shown as text (y)">Copy list</button><button type="button" id="theme" title="Light or dark (t)">Theme: auto</button><button type="button" id="help-open" title="Keys (?)" aria-haspopup="dialog"><span aria-hidden="true">?</span><span class="vh">Keys</span></button></div>
</div>
"#;

const HELP: &str = r#"<dialog id="help" aria-labelledby="help-title"><h2 id="help-title">Keys</h2>
<dl>
<div><dt><kbd>j</kbd> <kbd>k</kbd></dt><dd>next, previous finding</dd></div>
<div><dt><kbd>n</kbd> <kbd>p</kbd></dt><dd>next, previous error</dd></div>
<div><dt><kbd>↓</kbd> <kbd>↑</kbd></dt><dd>next, previous segment, from a segment or finding; with <kbd>Home</kbd> <kbd>End</kbd> the first and last</dd></div>
<div><dt><kbd>J</kbd> <kbd>K</kbd></dt><dd>next, previous segment, from anywhere</dd></div>
<div><dt><kbd>→</kbd> <kbd>←</kbd></dt><dd>words of a segment with their counterparts, where they are known</dd></div>
<div><dt><kbd>]</kbd> <kbd>[</kbd></dt><dd>next, previous article</dd></div>
<div><dt><kbd>x</kbd></dt><dd>looked at, or not</dd></div>
<div><dt><kbd>o</kbd></dt><dd>open or close what is folded here</dd></div>
<div><dt><kbd>f</kbd></dt><dd>next filter: all, notes and up, warnings and up, errors</dd></div>
<div><dt><kbd>/</kbd></dt><dd>search</dd></div>
<div><dt><kbd>y</kbd></dt><dd>copy the findings that are shown as text</dd></div>
<div><dt><kbd>t</kbd></dt><dd>automatic, light or dark</dd></div>
<div><dt><kbd>Esc</kbd></dt><dd>leave the search, then show everything</dd></div>
<div><dt><kbd>?</kbd></dt><dd>these keys</dd></div>
</dl>
<p><label><input type="checkbox" id="keys" checked autocomplete="off"> Keys work (switch off if they disturb another program)</label></p>
<form method="dialog"><button autofocus>Close</button></form></dialog>
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_style_and_scripts_ends_them() {
        for script in [EARLY, SCRIPT] {
            assert!(!script.to_lowercase().contains("</script") && !script.contains("<!--"));
        }
        assert!(!STYLE.to_lowercase().contains("</style"));
        for text in [EARLY, SCRIPT, STYLE] {
            assert!(!text.contains('\r') && !text.contains('\0'), "a browser would hash another text");
            for remote in ["http:", "https:", "//cdn", "@import", "url("] {
                assert!(!text.contains(remote), "{remote} in what must be self-contained");
            }
        }
    }

    #[test]
    fn scripts_make_no_markup_from_strings() {
        for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
            assert!(!SCRIPT.contains(word) && !EARLY.contains(word), "{word}");
        }
    }
}
