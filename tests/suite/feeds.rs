//! Feeds are summarized item by item: each gets a summary of its own, and everything but words stays.

use super::cli::Place;
use std::fs;
use tlumach::article::{Format, read};

/// A text of so many sentences about a bridge.
fn story(number: usize, sentences: usize) -> Vec<String> {
    let what =
        ["was closed for repairs", "carries 4,000 cars a day", "was painted green & white", "needs new bearings"];
    (0..sentences).map(|n| format!("Bridge {number}-{n} {} in the year {}.", what[n % 4], 1990 + n)).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[test]
fn each_item_gets_a_summary_in_the_place_of_its_texts() {
    let place = Place::new();
    let html: Vec<String> =
        story(1, 12).iter().map(|line| format!("<p>{}</p><img src=\"a.jpg\"/>", line.replace('&', "&amp;"))).collect();
    let html = html.concat();
    let rss = format!(
        "<?xml version=\"1.0\"?>\n<rss version=\"2.0\" xmlns:content=\"http://purl.org/rss/1.0/modules/content/\" \
         xmlns:media=\"http://search.yahoo.com/mrss/\">\n<channel><title>All about bridges</title><language>en</language>\n\
         <item><title>The first bridge is closed</title><guid>b-1</guid><link>https://example.org/1?a=1&amp;b=2</link>\n\
         <description>{}</description><content:encoded><![CDATA[{html}]]></content:encoded>\n\
         <media:content url=\"x\"><media:description>A bridge at dawn.</media:description></media:content></item>\n\
         <item><title>The second one is not</title><guid>b-2</guid><description>It never was.</description></item>\n\
         <item><title>A third one</title><guid>b-3</guid><description>{}</description></item>\n</channel></rss>\n",
        escaped("<p>The <b>bridge</b> is closed for repairs &amp; paint.</p>"),
        escaped(&story(3, 9).join(" ")),
    );
    place.file("in/feed.xml", &rss);
    let arguments =
        ["summarize", "in", "-o", "out", "--model", "extractive", "--length", "short", "--report", "r.json"];
    let ran = place.run(&arguments);
    assert!(ran.code < 2, "{}", ran.err);
    let written = fs::read_to_string(place.path("out/feed.summary.en.xml")).unwrap();
    read(written.as_bytes(), Format::Xml).unwrap();
    // All but the texts is as it was.
    for kept in ["<guid>b-1</guid><link>https://example.org/1?a=1&amp;b=2</link>", "<title>A third one</title>"] {
        assert!(written.contains(kept), "{kept}\n{written}");
    }
    assert!(written.contains("A bridge at dawn.") && written.contains("<description>It never was.</description>"));
    let report = place.report("r.json");
    let article = &report["articles"][0];
    assert_eq!(article["summarizer"], "extractive");
    let summaries: Vec<&str> = article["segments"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|segment| segment["source"] == "" && segment["outcome"] == "translated")
        .map(|segment| segment["output"].as_str().unwrap())
        .collect();
    // The first item has two texts, which both become its summary.
    assert_eq!(summaries.len(), 3, "{written}");
    assert_eq!(summaries[0], summaries[1]);
    assert!(summaries[0].contains("Bridge 1-") && summaries[2].contains("Bridge 3-"), "{summaries:?}");
    for summary in &summaries {
        assert!(summary.matches(" in the year ").count() <= 2 && !summary.contains("The first bridge"), "{summary}");
    }
    // HTML inside XML is escaped twice, HTML in a section once.
    assert!(written.contains(&format!("<description>{}</description>", escaped(&escaped(summaries[0])))), "{written}");
    assert!(written.contains(&format!("<![CDATA[{}]]>", escaped(summaries[0]))), "{written}");
    assert!(written.contains(&format!("<description>{}</description>", escaped(summaries[2]))), "{written}");
    // Nothing to do the second time.
    let again = place.run(&arguments);
    assert_eq!(place.report("r.json")["totals"]["reused"], 1, "{}", again.err);
    // Into another language: titles and short texts go through the translator.
    let arguments = ["summarize", "in", "-o", "uk", "--to", "uk", "--model", "echo", "--length", "short"];
    let ran = place.run(&arguments);
    assert!(ran.code < 2, "{}", ran.err);
    let written = fs::read_to_string(place.path("uk/feed.summary.uk.xml")).unwrap();
    assert!(written.contains("<guid>b-3</guid>"), "{written}");
}

#[test]
fn texts_of_atom_are_replaced_as_their_types_say() {
    let place = Place::new();
    let (a, b, c) = (story(1, 7).join(" "), story(2, 7), story(3, 7).join(" "));
    let xhtml: Vec<String> = b.iter().map(|line| format!("<p>{}</p>", escaped(line))).collect();
    let xhtml = xhtml.concat();
    let entry = |id: &str, content: String| format!("<entry><id>{id}</id><title>About it</title>{content}</entry>");
    let atom = format!(
        "<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"en\"><title>All about bridges</title>{}{}{}</feed>",
        entry("a", format!("<content type=\"text\">{}</content>", escaped(&a))),
        entry(
            "b",
            format!(
                "<content type=\"xhtml\"> <div xmlns=\"http://www.w3.org/1999/xhtml\">{xhtml}<ul><li>One more.</li></ul></div></content>"
            )
        ),
        entry("c", format!("<summary type=\"html\">{}</summary>", escaped(&format!("<i>{}</i>", escaped(&c))))),
    );
    place.file("feed.atom", &atom);
    let ran = place.run(&["summarize", "feed.atom", "--model", "extractive", "--length", "short"]);
    assert!(ran.code < 2, "{}", ran.err);
    let written = ran.text().clone();
    let document = read(written.as_bytes(), Format::Xml).unwrap();
    assert_eq!(document.parts.len(), 3);
    for (part, number) in document.parts.iter().zip(1..) {
        let text = &written[part.span.clone()];
        assert!((1..=2).contains(&text.matches(" in the year ").count()), "{text}");
        assert!(text.contains(&format!("Bridge {number}-")), "{text}");
    }
    assert!(written.contains("<div xmlns=\"http://www.w3.org/1999/xhtml\">Bridge 2-"), "{written}");
    assert!(written.contains("<summary type=\"html\">Bridge 3-"), "{written}");
}

#[test]
fn each_record_of_a_table_gets_a_summary_in_its_column() {
    let place = Place::new();
    let text = |number| story(number, 8).join(" ").replace("green & white", "\"green\", and white");
    let table = format!(
        "id,title,body\n1,First,\"{}\"\n2,Second,Nothing new.\n3,\"Third, last\",\"<p>{}</p>\"\n",
        text(1).replace('"', "\"\""),
        text(3).replace('"', "\"\"")
    );
    place.file("in/a.csv", &table);
    let mut arguments = vec!["summarize", "in", "-o", "out", "--model", "extractive", "--length", "short"];
    arguments.extend(["--field", "title", "--field", "body", "--from", "en"]);
    let ran = place.run(&arguments);
    assert!(ran.code < 2, "{}", ran.err);
    let written = fs::read_to_string(place.path("out/a.summary.en.csv")).unwrap();
    let rows: Vec<&str> = written.lines().collect();
    assert_eq!((rows.len(), rows[0], rows[2]), (4, "id,title,body", "2,Second,Nothing new."), "{written}");
    assert!(
        rows[1].starts_with("1,First,\"Bridge 1-") && rows[3].starts_with("3,\"Third, last\",\"Bridge 3-"),
        "{written}"
    );
    for row in [rows[1], rows[3]] {
        assert!((1..=2).contains(&row.matches(" in the year ").count()), "{row}");
    }
}

#[test]
fn each_record_of_json_lines_gets_a_summary_in_its_field() {
    let place = Place::new();
    let line = |number: usize, sentences| {
        let text = story(number, sentences).join("\n\n").replace("green", "\"green\"");
        serde_json::json!({ "id": number, "title": "About it", "body": text, "n": 1.50 }).to_string()
    };
    let lines = [line(1, 8), String::new(), line(2, 1), "no record".into(), line(3, 9)].join("\n");
    place.file("in/a.jsonl", format!("{lines}\n"));
    let mut arguments = vec!["summarize", "in", "-o", "out", "--model", "extractive", "--length", "short"];
    arguments.extend(["--field", "title", "--field", "body", "--from", "en"]);
    let ran = place.run(&arguments);
    assert_eq!(ran.code, 1, "a line cannot be read: {}", ran.err);
    let written = fs::read_to_string(place.path("out/a.summary.en.jsonl")).unwrap();
    let (before, after): (Vec<&str>, Vec<&str>) = (lines.lines().collect(), written.lines().collect());
    assert_eq!((after.len(), &after[1..4]), (5, &before[1..4]), "{written}");
    for (line, number) in [(after[0], 1), (after[4], 3)] {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let body = value["body"].as_str().unwrap();
        assert!(body.starts_with(&format!("Bridge {number}-")), "{line}");
        assert!((1..=2).contains(&body.matches(" in the year ").count()), "{line}");
        assert_eq!((&value["id"], &value["title"]), (&number.into(), &"About it".into()));
    }
}

#[test]
fn items_have_a_language_of_their_own_and_nothing_is_left_out_of_the_file() {
    let place = Place::new();
    let ukrainian = |number: usize| {
        let lines =
            (0..5).map(|line| format!("Міст номер {number} закрили на ремонт {line} березня, повідомила міська рада."));
        lines.collect::<Vec<_>>().join(" ")
    };
    let item = |title: &str, text: &str| {
        format!("<item><title>{title}</title><guid>{title}</guid><description>{}</description></item>\n", escaped(text))
    };
    let mut items: Vec<String> = (0..8).map(|n| item(&format!("Міст номер {n} закрито"), &ukrainian(n))).collect();
    // An item in English, one that looks like a hint to read on, and one that breaks off.
    items.insert(4, item("The harbour bridge reopens after long repairs", &story(7, 6).join(" ")));
    items.insert(5, item("Ще про мости", "Читайте також: мости, яких немає"));
    items.insert(6, item("Уривок", &format!("{} Далі буде […]", ukrainian(9))));
    place.file(
        "in/feed.xml",
        format!("<rss version=\"2.0\"><channel><title>Мости міста</title>\n{}</channel></rss>\n", items.concat()),
    );
    let arguments =
        ["summarize", "in", "-o", "out", "--model", "extractive", "--length", "short", "--report", "r.json"];
    let ran = place.run(&arguments);
    let written = fs::read_to_string(place.path("out/feed.summary.uk.xml")).unwrap();
    for kept in [
        "<title>The harbour bridge reopens after long repairs</title>",
        "<description>Читайте також: мости, яких немає</description>",
        "Далі буде […]</description>",
    ] {
        assert!(written.contains(kept), "{kept}\n{written}");
    }
    assert!(written.contains("<description>Bridge 7-"), "{written}");
    let article = &place.report("r.json")["articles"][0];
    let codes: Vec<&str> =
        article["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect();
    assert_eq!(ran.code, 1, "an item without a summary is told: {}", ran.err);
    assert!(codes.contains(&"not_summarized"), "{codes:?}");
    let english =
        article["segments"].as_array().unwrap().iter().find(|s| s["output"].as_str().unwrap().starts_with("Bridge 7-"));
    assert!(!english.unwrap()["findings"].to_string().contains("wrong_language"), "{}", english.unwrap());
}
