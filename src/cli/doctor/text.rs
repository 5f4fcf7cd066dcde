//! The findings of the doctor for a person.

use serde_json::Value;
use std::fmt::Write as _;

/// Everything but what is measured.
pub(super) fn facts(facts: &Value) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:13} {value}");
    };
    let features = list(&facts["features"], word);
    line("tlumach", format!("{}, features: {}", word(&facts["version"]), or(features, "none")));
    let processor = &facts["processor"];
    line("processor", format!("{} ({})", word(&processor["name"]), word(&processor["architecture"])));
    let (cores, processors) = (&processor["cores"], &processor["processors"]);
    line("cores", format!("{cores}, {processors} with hyper-threading; a job uses {} threads", processor["threads"]));
    let instructions = &processor["instructions"];
    line(
        "instructions",
        format!("{} for 8-bit products, {} for floats", word(&instructions["int8"]), word(&instructions["float"])),
    );
    let memory = &facts["memory"];
    line("memory", format!("{}, {} available", size(&memory["total_bytes"]), size(&memory["available_bytes"])));
    for (name, key) in [("hub cache", "hub_cache"), ("own models", "local"), ("data", "data")] {
        let folder = &facts["folders"][key];
        let missing = if folder["exists"] == true { "" } else { " (not there yet)" };
        line(name, format!("{}{missing}, {} free", word(&folder["path"]), size(&folder["free_bytes"])));
    }
    let hub = &facts["hub"];
    let (token, offline) = (&hub["token"], &hub["offline"]);
    let token = if token == true { "a token is set" } else { "no token" };
    let offline = if offline == true { ", offline mode: nothing is fetched" } else { "" };
    line("hub", format!("{}, {token}{offline}", word(&hub["endpoint"])));
    let addresses = list(&hub["addresses"], word);
    if !addresses.is_empty() {
        line("addresses", addresses);
    }
    line("configuration", or(word(&facts["config"]), "none"));
    let models = facts["models"].as_array().map(Vec::as_slice).unwrap_or_default();
    if models.is_empty() {
        line("on disk", "no models".into());
    }
    for model in models {
        let (files, checked) = (&model["files"], &model["files_with_size_of_card"]);
        let sizes = format!("{checked} of {files} files have the size that the card knows");
        line("on disk", format!("{}, {}, {sizes}", word(&model["name"]), size(&model["size_bytes"])));
    }
    for direction in facts["directions"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let way = format!("{} to {}", word(&direction["from"]), word(&direction["to"]));
        let through = list(&direction["through"], |hop| word(&hop["model"]));
        let fetches =
            list(&direction["fetches"], |model| format!("{} ({})", word(&model["model"]), size(&model["bytes"])));
        let state = match (through.is_empty(), fetches.is_empty()) {
            (true, _) => "no model".to_string(),
            (false, true) => format!("works: {through}"),
            (false, false) => format!("the first run fetches {fetches}"),
        };
        line(&way, state);
    }
    line("summaries", list(&facts["summaries"], word).replace("extractive", "the article's own sentences"));
    for problem in facts["problems"].as_array().map(Vec::as_slice).unwrap_or_default() {
        line("problem", word(problem));
    }
    if facts["can_run"] == true {
        line("main job", "can run".into());
    }
    text
}

/// What was measured; nothing where nothing was.
pub(super) fn measured(facts: &Value) -> String {
    let measured = &facts["measured"];
    let mut text = String::new();
    if measured.is_null() {
        return text;
    }
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:13} {value}");
    };
    let rate = |value: &Value| value.as_f64().map_or("unknown".to_string(), |value| format!("{value:.0}"));
    let int8 = &measured["int8_gops"];
    line(
        "8-bit product",
        format!(
            "{} G operations/s on one thread, {} on {}",
            rate(&int8["one"]),
            rate(&int8["all"]),
            measured["threads"]
        ),
    );
    line("bandwidth", format!("{} GB/s read from memory", rate(&measured["read_gb_per_s"])));
    let translation = &measured["translation"];
    if let Some(error) = translation["error"].as_str() {
        line("translation", format!("failed: {error}"));
    } else if translation.is_null() {
        line("translation", "not measured: no direction works with what is on disk".into());
    } else {
        let way = format!("{} to {}", word(&translation["from"]), word(&translation["to"]));
        let rate = rate(&translation["words_per_s"]);
        line("translation", format!("{way}: {rate} words/s with {}", list(&translation["models"], word)));
    }
    text
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

fn or(text: String, other: &str) -> String {
    if text.is_empty() { other.to_string() } else { text }
}

fn list(values: &Value, name: impl Fn(&Value) -> String) -> String {
    values.as_array().map(|values| values.iter().map(name).collect::<Vec<_>>().join(", ")).unwrap_or_default()
}

fn size(bytes: &Value) -> String {
    match bytes.as_u64() {
        None => "unknown".to_string(),
        Some(bytes) if bytes >= 1_000_000_000 => format!("{:.1} GB", bytes as f64 / 1e9),
        Some(bytes) => format!("{:.0} MB", bytes as f64 / 1e6),
    }
}
