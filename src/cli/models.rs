//! `tlumach models`: what there is, what is on disk, and fetching, checking and removing it.

use super::args::{Cli, ModelsAction};
use super::console::{Console, Loudness};
use super::{Ending, stop_flag};
use anyhow::{Result, bail};
use serde_json::json;
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use tlumach::registry::{self, Card, Settings};

pub(super) fn run(cli: &Cli, action: &ModelsAction, settings: &mut Settings) -> Result<Ending> {
    let console = Console::new(Loudness::new(cli.quiet, cli.verbose)).stopped_by(stop_flag());
    let text = match action {
        ModelsAction::List { json: true } => list_json(settings),
        ModelsAction::List { json: false } => list(settings),
        ModelsAction::Show { name } => show(card(name)?, settings),
        ModelsAction::Import { folder, accept_license } => {
            settings.accept_license = *accept_license;
            import(folder, &[], settings, &console)?
        }
        ModelsAction::Pull { names, from_dir, accept_license } => {
            settings.accept_license = *accept_license;
            let cards = names.iter().map(|name| card(name)).collect::<Result<Vec<_>>>()?;
            let mut text = match from_dir {
                Some(folder) => import(folder, &cards, settings, &console)?,
                None => String::new(),
            };
            for card in cards {
                let files = registry::pull(card, settings, &console)?;
                for paths in files.files.values() {
                    for path in paths {
                        let _ = writeln!(text, "{}", path.display());
                    }
                }
            }
            text
        }
        ModelsAction::Verify { name } => {
            let mut text = String::new();
            for file in registry::verify(card(name)?, settings, &console)? {
                let _ = writeln!(
                    text,
                    "{}  {}  {} bytes, compared with: {}",
                    file.sha256, file.file, file.size, file.against
                );
            }
            text
        }
        ModelsAction::Remove { name } => {
            let removed = registry::remove(card(name)?, settings)?;
            let mut text = format!("{} freed\n", size(removed.bytes));
            for kept in removed.kept {
                let _ = writeln!(text, "kept {}: it was put there by hand", kept.display());
            }
            text
        }
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(Ending::Fine)
}

/// Installs what a folder has; that nothing could be installed is an error.
fn import(folder: &Path, wanted: &[&'static Card], settings: &Settings, console: &Console) -> Result<String> {
    let done = registry::import(folder, wanted, settings, console)?;
    let mut text = String::new();
    for card in &done.installed {
        let _ = writeln!(text, "installed {}", card.name);
    }
    for card in &done.present {
        let _ = writeln!(text, "{} is on disk already", card.name);
    }
    let mut lacking = String::new();
    for incomplete in &done.incomplete {
        let found = if incomplete.found.is_empty() { "nothing".into() } else { incomplete.found.join(", ") };
        let missing = incomplete.missing.join(", ");
        let _ = writeln!(lacking, "{}: not installed: found {found}; missing {missing}", incomplete.card.name);
    }
    if !lacking.is_empty() && (!wanted.is_empty() || done.installed.is_empty() && done.present.is_empty()) {
        bail!("{}: {}", folder.display(), lacking.trim_end());
    }
    Ok(text + &lacking)
}

fn card(name: &str) -> Result<&'static Card> {
    registry::find(name).ok_or_else(|| registry::unknown(name).into())
}

fn size(bytes: u64) -> String {
    if bytes >= 1_000_000_000 {
        format!("{:.1} GB", bytes as f64 / 1e9)
    } else {
        format!("{:.0} MB", bytes as f64 / 1e6)
    }
}

fn directions(card: &Card) -> String {
    let all: Vec<String> = card.directions.iter().map(|d| format!("{}-{}", d.from, d.to)).collect();
    all.join(" ")
}

fn list(settings: &Settings) -> String {
    let mut rows = vec![["NAME", "TIER", "SIZE", "LICENCE", "ON DISK", "DIRECTIONS"].map(String::from)];
    for listed in registry::list(settings) {
        let card = listed.card;
        let accept = if card.license.needs_acceptance { " (to be accepted)" } else { "" };
        rows.push([
            card.name.clone(),
            card.tier.as_str().into(),
            size(card.size_bytes),
            format!("{}{accept}", card.license.name),
            if listed.on_disk.is_some() { "yes".into() } else { "-".into() },
            directions(card),
        ]);
    }
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text.push_str(
        "\nWithout weights: echo (answers its input), extractive (summaries of the article's own sentences)\n",
    );
    text
}

fn list_json(settings: &Settings) -> String {
    let models: Vec<serde_json::Value> = registry::list(settings)
        .iter()
        .map(|listed| {
            let card = listed.card;
            json!({
                "name": card.name,
                "family": card.family.as_str(),
                "title": card.title,
                "tier": card.tier.as_str(),
                "size_bytes": card.size_bytes,
                "license": card.license.name,
                "needs_acceptance": card.license.needs_acceptance,
                "license_class": card.license.class.as_str(),
                "memory_bytes": card.memory_bytes,
                "directions": card.directions.iter().map(|d| json!({"from": d.from, "to": d.to, "quality": d.quality.as_str(), "note": d.note})).collect::<Vec<_>>(),
                "writes_well": card.writes_well,
                "on_disk": listed.on_disk.as_ref().map(|disk| disk.folder.clone()),
            })
        })
        .collect();
    format!("{}\n", serde_json::Value::Array(models))
}

fn show(card: &Card, settings: &Settings) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "{name:12} {value}");
        }
    };
    line("name", &card.name);
    line("title", &card.title);
    line("family", card.family.as_str());
    line("tier", card.tier.as_str());
    line("size", &format!("{} ({} bytes)", size(card.size_bytes), card.size_bytes));
    let accept = if card.license.needs_acceptance { ", needs --accept-license" } else { "" };
    line("licence", &format!("{} <{}>{accept}", card.license.name, card.license.url));
    line("allows", card.license.class.as_str());
    if let Some(memory) = card.memory_bytes {
        line("memory", &format!("about {}", size(memory)));
    }
    line("source", card.source.repository.as_deref().or(card.source.page.as_deref()).unwrap_or(""));
    let unpinned = if card.source.repository.is_some() { "main, pinned at the first download" } else { "" };
    line("revision", card.source.revision.as_deref().unwrap_or(unpinned));
    for direction in &card.directions {
        let quality = direction.quality.as_str();
        line("direction", &format!("{} to {}: {quality}; {}", direction.from, direction.to, direction.note));
    }
    for file in &card.files {
        let unknown = if file.packed.is_some() {
            "hash of the packed file only"
        } else {
            "hash from the Hub, pinned at the first download"
        };
        line("file", &format!("{} {}", file.name, file.sha256.as_deref().unwrap_or(unknown)));
        if let Some(packed) = &file.packed {
            line("packed", &format!("{} {}, {} bytes", packed.name, packed.sha256, packed.size));
        }
    }
    for address in &card.addresses {
        line("address", &address.url);
    }
    for mirror in &card.mirrors {
        let parts = if mirror.first == mirror.last {
            format!("Python package {}", mirror.package)
        } else {
            format!("Python packages {} ({} to {})", mirror.package, mirror.first, mirror.last)
        };
        line("mirror", &format!("{parts}, {}", size(mirror.size_bytes)));
    }
    line("notes", &card.notes);
    match registry::on_disk(card, settings) {
        Some(disk) => line("on disk", &disk.folder.display().to_string()),
        None => line("on disk", "no"),
    }
    text
}
