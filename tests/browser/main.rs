//! The review copy in a real browser: Chromium, headless, driven by the `WebDriver` protocol. `make test-browser`.
//!
//! Needs `chromium` and `chromedriver` on the path, and no network. Asserts on what the page is, never on how long it
//! takes.

#![allow(clippy::unwrap_used)]

mod contrast;
mod driver;
mod pages;

use driver::{Browser, keys};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;
use tlumach::job::report::ArticleRecord;

/// A browser that shows a page of these articles, and the folder of the page.
fn opened(articles: &[ArticleRecord]) -> (Browser, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = pages::page(folder.path(), articles);
    let browser = Browser::start();
    browser.emulate("screen", "light");
    browser.open(&path);
    (browser, folder)
}

/// The names of the segments that can be seen.
fn shown(browser: &Browser) -> Vec<String> {
    let found = browser.run(
        "return Array.from(document.querySelectorAll('.seg')).filter((s) => s.checkVisibility()).map((s) => s.id)",
    );
    found.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_string()).collect()
}

/// The name of what has the focus.
fn focused(browser: &Browser) -> String {
    browser.run("return document.activeElement.id").as_str().unwrap_or_default().to_string()
}

/// Opens a page again until a script answers what is expected: a browser writes down what a page keeps when it has time.
fn reopened(browser: &Browser, path: &Path, script: &str, expected: &Value) {
    for _ in 0..20 {
        browser.open(path);
        if browser.run(script) == *expected {
            return;
        }
    }
    panic!("expected {expected}, got {}", browser.run(script));
}

/// Expects a silent console: no errors, and nothing that the policy had to stop.
fn silent(browser: &Browser) {
    let said = browser.console();
    assert!(said.is_empty(), "{said:#?}");
}

#[test]
fn the_page_opens_from_a_file_and_has_every_text_once() {
    let articles = [pages::fire(), pages::harbour(), pages::broken()];
    let (browser, _folder) = opened(&articles);
    let texts = browser.run(
        "return Array.from(document.querySelectorAll('.seg')).map((s) =>
            [s.querySelector('.src').textContent, s.querySelector('.out').textContent])",
    );
    let expected: Vec<[&str; 2]> = articles
        .iter()
        .flat_map(|article| &article.segments)
        .map(|segment| [segment.source.as_str(), segment.output.as_str()])
        .collect();
    assert_eq!(texts, json!(expected));
    let failed = browser.run("return document.querySelector('#a3 .alert').innerText");
    assert!(failed.as_str().unwrap().contains("byte 1043"), "{failed}");
    let names = browser.run("const ids = Array.from(document.querySelectorAll('[id]')).map((e) => e.id); return ids.length - new Set(ids).size");
    assert_eq!(names, 0, "no name stands twice");
    silent(&browser);
}

#[test]
fn the_filter_shows_what_it_says() {
    let (browser, _folder) = opened(&[pages::fire(), pages::harbour(), pages::broken()]);
    assert_eq!(shown(&browser).len(), 12);
    let all: Vec<String> = shown(&browser);
    browser.click(".show .error input");
    assert_eq!(shown(&browser), ["s1-2", "s1-6", "s1-8"]);
    let visible = |name: &str| browser.run(&format!("return document.getElementById('{name}').checkVisibility()"));
    assert_eq!(visible("a2"), false, "an article without errors is not there");
    assert_eq!(visible("a3"), true, "one that failed is");
    browser.click(".show .warning input");
    assert_eq!(shown(&browser), ["s1-2", "s1-4", "s1-5", "s1-6", "s1-8"]);
    browser.press("f");
    assert_eq!(shown(&browser).len(), 3, "f goes on to errors");
    browser.press("f");
    assert_eq!(shown(&browser), all, "and from there to everything");
    let said = browser.run("return document.getElementById('said').textContent");
    assert_eq!(said, "Everything is shown", "a screen reader is told");
    browser.click(".show .note input");
    assert_eq!(shown(&browser), ["s1-2", "s1-4", "s1-5", "s1-6", "s1-8", "s2-3"]);
    // Each count is what walking from finding to finding comes to.
    for (class, count) in [("error", 3), ("warning", 5), ("note", 8)] {
        browser.click(&format!(".show .{class} input"));
        let counted = browser.run(&format!("return Number(document.querySelector('.show .{class} b').textContent)"));
        assert_eq!(counted, count, "{class}");
    }
    silent(&browser);
}

#[test]
fn the_search_looks_into_texts_and_findings_on_both_sides() {
    let (browser, _folder) = opened(&[pages::fire(), pages::harbour()]);
    let expect = |needle: &str, expected: &[&str]| {
        browser.press("/");
        assert_eq!(focused(&browser), "search");
        browser.run("document.getElementById('search').value = ''");
        browser.press(needle);
        browser.press(keys::ENTER);
        assert_eq!(shown(&browser), expected, "{needle}");
    };
    expect("ТКАЧУК", &["s1-6"]);
    expect("vinnytska", &["s1-8"]);
    expect("동해항", &["s2-1", "s2-2"]);
    expect("without its partner", &["s1-5"]);
    let painted = "return CSS.highlights.has('hits') ? CSS.highlights.get('hits').size : 0";
    assert_eq!(browser.run(painted), 0, "a hit in a finding is in no text");
    expect("fire", &["s1-1", "s1-2", "s1-5"]);
    assert_eq!(browser.run(painted), 3);
    assert_eq!(focused(&browser), "s1-1", "Enter goes to the first");
    expect("nowhere to be found", &[]);
    assert_eq!(browser.run("return document.querySelector('.empty').checkVisibility()"), true);
    browser.press(keys::ESCAPE);
    assert_eq!(shown(&browser).len(), 0, "the first Escape leaves the search");
    browser.press(keys::ESCAPE);
    assert_eq!(shown(&browser).len(), 12, "the second clears it");
    silent(&browser);
}

#[test]
fn keys_go_from_finding_to_finding_and_from_segment_to_segment() {
    let (browser, _folder) = opened(&[pages::fire(), pages::harbour(), pages::broken()]);
    let walk = |steps: &[(&str, &str)]| {
        for (key, expected) in steps {
            browser.press(key);
            assert_eq!(focused(&browser), *expected, "after {key:?}");
            let seen = browser.run(
                "const box = document.activeElement.getBoundingClientRect();
                 return box.bottom > 0 && box.top < innerHeight",
            );
            assert_eq!(seen, true, "{expected} is in sight");
        }
    };
    walk(&[("j", "a1-f-1"), ("j", "s1-2-1"), ("j", "s1-2-2"), ("j", "s1-4-1"), ("k", "s1-2-2")]);
    walk(&[("n", "s1-6-1"), ("n", "s1-8-1"), ("n", "s1-8-1"), ("p", "s1-6-1"), ("p", "s1-2-1")]);
    assert_eq!(browser.run("return document.getElementById('position').textContent"), "2 of 8");
    walk(&[(keys::DOWN, "s1-3"), (keys::DOWN, "s1-4"), (keys::UP, "s1-3"), ("J", "s1-4"), ("K", "s1-3")]);
    walk(&[(keys::END, "s2-3"), ("j", "s2-3-1")]);
    // Under a filter the keys go to what is shown only.
    browser.click(".show .error input");
    browser.run("document.activeElement.blur()");
    walk(&[("k", "s1-8-1"), (keys::UP, "s1-8"), (keys::UP, "s1-6")]);
    // On a Cyrillic layout keys are known by their place.
    browser.run(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'о', code: 'KeyJ', bubbles: true, cancelable: true}))",
    );
    assert_eq!(focused(&browser), "s1-6-1");
    let outline = browser.run("return getComputedStyle(document.activeElement).outlineStyle");
    assert_eq!(outline, "solid", "the focus can be seen");
    let tab_stops = browser.run("return document.querySelectorAll('.seg[tabindex=\"0\"]').length");
    assert_eq!(tab_stops, 1, "one segment at a time is in the order of the tab key");
    silent(&browser);
}

#[test]
fn keys_can_be_switched_off_and_help_names_them() {
    let (browser, _folder) = opened(&[pages::fire()]);
    browser.press("?");
    assert_eq!(browser.run("return document.getElementById('help').open"), true);
    browser.press("j");
    assert_eq!(browser.run("return document.getElementById('help').open"), true, "keys rest while help is open");
    browser.click("#keys");
    browser.press(keys::ESCAPE);
    assert_eq!(browser.run("return document.getElementById('help').open"), false);
    browser.run("document.activeElement.blur()");
    browser.press("j");
    assert_eq!(focused(&browser), "", "nothing moves");
    browser.click("#next");
    assert_eq!(focused(&browser), "a1-f-1", "the buttons do what the keys did");
    silent(&browser);
}

#[test]
fn a_finding_and_its_places_point_at_each_other() {
    let (browser, _folder) = opened(&[pages::fire()]);
    browser.press("jj");
    let lit = "return Array.from(document.querySelectorAll('.lit')).map((m) => m.textContent)";
    assert_eq!(browser.run(lit), json!(["1,1 тис.", "1.1 ", "million"]));
    browser.press("j");
    assert_eq!(browser.run(lit), json!(["квадратних метрів", "million", " square metres"]));
    // What lies under two findings leads to one after the other.
    let both = "#s1-2 .out mark[data-f='1 2']";
    browser.click(both);
    assert_eq!(focused(&browser), "s1-2-1");
    browser.click(both);
    assert_eq!(focused(&browser), "s1-2-2");
    silent(&browser);
}

#[test]
fn words_show_their_counterparts() {
    let (browser, _folder) = opened(&[pages::fire()]);
    browser.run("document.getElementById('s1-3').focus()");
    let painted = "return Array.from(CSS.highlights.get('words') || []).map((r) => r.toString())";
    browser.press(keys::RIGHT);
    assert_eq!(browser.run(painted), json!(["Рятувальники", "Rescuers"]));
    browser.press(keys::RIGHT);
    assert_eq!(browser.run("return document.getElementById('said').textContent"), "прибули – arrived");
    silent(&browser);
}

#[test]
fn what_was_looked_at_is_kept_and_can_be_hidden() {
    let (browser, folder) = opened(&[pages::fire()]);
    browser.run("document.getElementById('s1-2').focus()");
    browser.press("x");
    browser.click("#s1-4 .seen input");
    let done = "return Array.from(document.querySelectorAll('.seg.done')).map((s) => s.id)";
    assert_eq!(browser.run(done), json!(["s1-2", "s1-4"]));
    reopened(&browser, &folder.path().join("review.html"), done, &json!(["s1-2", "s1-4"]));
    browser.click("#unseen");
    assert!(!shown(&browser).iter().any(|name| name == "s1-2" || name == "s1-4"));
    browser.click("#unseen");
    browser.run("document.getElementById('s1-2').focus()");
    browser.press("x");
    assert_eq!(browser.run(done), json!(["s1-4"]));
    silent(&browser);
}

#[test]
fn light_and_dark_can_be_read() {
    let (browser, folder) = opened(&[pages::fire(), pages::harbour(), pages::broken()]);
    let mut papers = Vec::new();
    for (scheme, presses) in [("light", ""), ("dark", ""), ("light", "tt"), ("dark", "tt")] {
        browser.emulate("screen", scheme);
        browser.open(&folder.path().join("review.html"));
        browser.press(presses);
        // What is folded, chosen and pointed at has to be read as well.
        browser.run("for (const d of document.querySelectorAll('details')) d.open = true");
        browser.press("jj");
        contrast::check(&browser, &format!("{scheme} {presses}"));
        papers.push(browser.run("return getComputedStyle(document.documentElement).backgroundColor"));
        browser.press(if presses.is_empty() { "" } else { "t" });
    }
    assert_ne!(papers[0], papers[1], "dark is another page");
    assert_eq!(papers[1], papers[2], "dark by choice is dark");
    silent(&browser);
}

#[test]
fn the_choice_of_light_or_dark_is_kept() {
    let (browser, folder) = opened(&[pages::fire()]);
    let theme = "return [document.documentElement.dataset.theme ?? null, document.getElementById('theme').textContent]";
    assert_eq!(browser.run(theme), json!([null, "Theme: auto"]));
    browser.click("#theme");
    browser.click("#theme");
    let dark = json!(["dark", "Theme: dark"]);
    assert_eq!(browser.run(theme), dark);
    reopened(&browser, &folder.path().join("review.html"), theme, &dark);
    silent(&browser);
}

#[test]
fn hostile_text_is_shown_and_does_nothing() {
    let (browser, _folder) = opened(&[pages::hostile()]);
    assert_eq!(browser.run("return window.hostile ?? null"), Value::Null);
    let strangers = browser.run("return document.querySelectorAll('main script, main img, main a:not(.no)').length");
    assert_eq!(strangers, 0);
    let shown = pages::HOSTILE.replace('\0', "\u{2400}");
    for selector in ["h2", ".src", ".out"] {
        let text = browser.run(&format!("return document.querySelector('main {selector}').textContent"));
        assert_eq!(text, json!(shown), "{selector}");
    }
    // A control that turns the direction of what follows ends where it stands.
    let overrides = browser.run(
        "return Array.from(document.querySelectorAll('.ctl')).every((c) => getComputedStyle(c).unicodeBidi.includes('isolate'))",
    );
    assert_eq!(overrides, true);
    assert_eq!(browser.run("return document.scripts.length"), 2, "the page's own");
    silent(&browser);
    // And if markup did get out, the policy would stop it.
    browser.run(
        "const script = document.createElement('script');
         try { script.textContent = 'window.hostile = 4'; document.body.append(script); } catch (_) {}
         const image = new Image(); image.src = 'http://127.0.0.1:9/'; document.body.append(image);",
    );
    assert_eq!(browser.run("return window.hostile ?? null"), Value::Null);
    assert!(!browser.console().is_empty(), "the browser says what it stopped");
}

#[test]
fn a_summary_stands_beside_its_article() {
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::start();
    browser.open(&pages::summary_page(folder.path()));
    let (record, original) = pages::summary();
    assert_eq!(browser.run("return document.querySelector('.src').textContent"), json!(original));
    assert_eq!(browser.run("return document.querySelector('.out').textContent"), json!(record.segments[0].output));
    assert_eq!(browser.run("return document.querySelector('.out mark').textContent"), "5");
    silent(&browser);
}

#[test]
fn twenty_thousand_segments_are_not_too_many() {
    const SEGMENTS: usize = 20_000;
    let (browser, _folder) = opened(&[pages::long(SEGMENTS)]);
    assert_eq!(browser.run("return document.querySelectorAll('.seg').length"), SEGMENTS);
    // What is out of sight is not laid out: that is what keeps the page quick.
    let skipped = browser.run(
        "const all = Array.from(document.querySelectorAll('.seg .out'));
         return all.filter((e) => !e.checkVisibility({contentVisibilityAuto: true})).length",
    );
    assert!(skipped.as_u64().unwrap() > SEGMENTS as u64 * 9 / 10, "{skipped}");
    browser.click(".show .error input");
    assert_eq!(shown(&browser).len(), SEGMENTS / 10);
    browser.press("nnn");
    assert_eq!(focused(&browser), "s1-21-1");
    browser.press("/");
    browser.press("13370");
    browser.press(keys::ENTER);
    assert_eq!(focused(&browser), "s1-1911", "only this one has the number, 7 times 1910");
    browser.press(keys::ESCAPE);
    browser.press(keys::END);
    assert_eq!(focused(&browser), format!("s1-{SEGMENTS}"), "the last segment of the whole page");
    let dom = browser.run("return document.getElementsByTagName('*').length").as_u64().unwrap();
    assert!(dom < SEGMENTS as u64 * 16, "a segment is a dozen elements, got {dom} in all");
    silent(&browser);
}

#[test]
fn a_narrow_screen_stacks_and_does_not_scroll_sideways() {
    let (browser, folder) = opened(&[pages::fire(), pages::harbour(), pages::broken(), pages::hostile()]);
    for width in [320, 390, 720, 900, 1200, 1600] {
        browser.resize(width, 800);
        browser.open(&folder.path().join("review.html"));
        browser.run("for (const d of document.querySelectorAll('details')) d.open = true");
        browser.press("jj");
        let wide = browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth");
        assert_eq!(wide, 0, "{width} pixels");
        let out_of_sight = browser.run(
            "return Array.from(document.querySelectorAll('.src, .out, .find, .tools *, h1, h2'))
                .filter((e) => e.checkVisibility() && !e.closest('.vh, [type=radio]') && e.getBoundingClientRect().right > innerWidth + 1)
                .map((e) => e.outerHTML.slice(0, 80))",
        );
        assert_eq!(out_of_sight, json!([]), "{width} pixels");
        let stacked = browser.run(
            "const box = (side) => document.querySelector('#s1-2 ' + side).getBoundingClientRect();
             return box('.out').top >= box('.src').bottom",
        );
        assert_eq!(stacked, width < 700, "{width} pixels");
    }
    silent(&browser);
}

#[test]
fn paper_has_the_texts_and_none_of_the_tools() {
    let (browser, _folder) = opened(&[pages::fire(), pages::harbour()]);
    browser.run("document.querySelector('#a2 .body').open = false");
    browser.run("window.dispatchEvent(new Event('beforeprint'))");
    browser.emulate("print", "light");
    let visible =
        |selector: &str| browser.run(&format!("return document.querySelector('{selector}').checkVisibility()"));
    for selector in [".tools", ".skip", "#s1-2 .seen"] {
        assert_eq!(visible(selector), false, "{selector}");
    }
    for selector in ["#s1-2 .src", "#s1-9", "#s2-1 .out", "#s1-2 .find", ".contents"] {
        assert_eq!(visible(selector), true, "{selector}");
    }
    browser.resize(794, 1123);
    let wide = browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth");
    assert_eq!(wide, 0, "a sheet of A4 is wide enough");
    silent(&browser);
}

#[test]
fn without_scripts_everything_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = pages::page(folder.path(), &[pages::fire(), pages::broken()]);
    let browser = Browser::start();
    browser.devtools("Emulation.setScriptExecutionDisabled", &json!({"value": true}));
    browser.open(&path);
    browser.devtools("Emulation.setScriptExecutionDisabled", &json!({"value": false}));
    assert_eq!(browser.run("return document.documentElement.classList.contains('js')"), false, "no script ran");
    assert_eq!(shown(&browser).len(), 9);
    assert_eq!(browser.run("return document.querySelector('.tools').checkVisibility()"), false);
    assert_eq!(browser.run("return document.querySelector('#s1-2 .find').checkVisibility()"), true);
}

#[test]
fn korean_lines_break_between_words_and_texts_say_their_language() {
    let (browser, _folder) = opened(&[pages::harbour()]);
    let style = "const s = document.querySelector('#s1-2 .src'); return [s.lang, getComputedStyle(s).wordBreak]";
    assert_eq!(browser.run(style), json!(["ko", "keep-all"]));
    assert_eq!(browser.run("return document.querySelector('#s1-2 .out').lang"), "en");
    silent(&browser);
}
