//! The rules of ARCHITECTURE.md as tests: which module may import which, how long a file may be, where `unsafe` may
//! stand, and that the library neither prints nor reads the environment.
//!
//! The table of imports is read from ARCHITECTURE.md itself, so the document and the test cannot differ.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::source_text::{plain, without_tests};

/// Longest source file in lines, with its tests.
const LONGEST_FILE: usize = 800;

/// Names that say nothing about what a module does.
const EMPTY_NAMES: &[&str] = &["utils", "util", "common", "helpers", "helper", "manager", "misc"];

/// Network families: a file of `src/model`, or a folder. They never import each other.
const FAMILIES: &[&str] = &["marian", "m2m100", "t5", "bart", "bergamot", "qwen", "llama", "gemma", "hunyuan"];

/// Files outside `kernels` that map files into memory; the only other place for `unsafe`.
const MEMORY_MAPS: &[&str] = &["src/model/mapped.rs", "src/model/weights/image.rs"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A source file: its path from the root of the project, and its text.
struct File {
    path: String,
    text: String,
}

/// All Rust files below a folder, in the order of their names.
fn files(folder: &str) -> Vec<File> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
                found.push(File { path: name, text: std::fs::read_to_string(&path).unwrap() });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn architecture() -> String {
    std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap()
}

/// What a module may import.
#[derive(Debug, Clone, PartialEq)]
enum Allowed {
    /// Everything but the named modules.
    AllBut(Vec<String>),
    /// The named modules only. A name with `(seam)` allows types and functions of the module, none of its submodules.
    Only(Vec<String>),
}

/// The table under "Code map": module path (`registry/load`) to what it may import.
fn table() -> BTreeMap<String, Allowed> {
    let text = architecture();
    let map = text.split("\n## ").find(|part| part.starts_with("Code map")).expect("ARCHITECTURE.md has no Code map");
    let mut table = BTreeMap::new();
    for row in map.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let names = |cell: &str| -> Vec<String> {
            cell.split(',').map(|name| name.trim().replace('`', "")).filter(|name| !name.is_empty()).collect()
        };
        let allowed = match cells[2] {
            "anything" => Allowed::AllBut(Vec::new()),
            cell if cell.starts_with("anything but ") => Allowed::AllBut(names(&cell["anything but ".len()..])),
            "nothing" => Allowed::Only(Vec::new()),
            cell => Allowed::Only(names(cell)),
        };
        for module in names(cells[0]) {
            assert!(table.insert(module.clone(), allowed.clone()).is_none(), "two rows for {module}");
        }
    }
    assert!(table.len() > 15, "the Code map was not understood");
    table
}

/// The module path of a file: `src/registry/load/gguf.rs` is `registry/load/gguf`.
fn module_of(path: &str) -> String {
    path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod").to_string()
}

/// The most special row for a module.
fn row<'a>(table: &'a BTreeMap<String, Allowed>, module: &str) -> Option<(&'a str, &'a Allowed)> {
    table
        .iter()
        .filter(|(name, _)| module == *name || module.starts_with(&format!("{name}/")))
        .max_by_key(|(name, _)| name.len())
        .map(|(name, allowed)| (name.as_str(), allowed))
}

/// A path into the crate, by its segments, and the line where it stands.
#[derive(Debug, PartialEq)]
struct Import {
    segments: Vec<String>,
    line: usize,
}

/// Paths that begin with `crate::`, or with enough `super::` to leave the file's own top module.
fn imports(module: &str, text: &str) -> Vec<Import> {
    let depth = module.split('/').count();
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let fresh = !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '$');
        let supers = rest.len() - rest.trim_start_matches("super::").len();
        let (length, absolute) = match () {
            () if fresh && rest.starts_with("crate::") => ("crate::".len(), true),
            () if fresh && supers > 0 => (supers, supers / "super::".len() == depth),
            () => {
                at += rest.chars().next().map_or(1, char::len_utf8);
                continue;
            }
        };
        at += length;
        if absolute {
            let line = text[..at].matches('\n').count() + 1;
            found.extend(tree(&text[at..]).into_iter().map(|segments| Import { segments, line }));
        }
    }
    found
}

/// The paths of a use tree: `a::{b, c::d}` gives `a::b` and `a::c::d`.
fn tree(text: &str) -> Vec<Vec<String>> {
    let text = text.trim_start();
    if let Some(inner) = text.strip_prefix('{') {
        let (mut depth, mut start, mut paths) = (0, 0, Vec::new());
        for (at, c) in inner.char_indices() {
            match c {
                '{' => depth += 1,
                '}' | ',' if depth == 0 => {
                    if !inner[start..at].trim().is_empty() {
                        paths.extend(tree(&inner[start..at]));
                    }
                    start = at + 1;
                    if c == '}' {
                        break;
                    }
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
        return paths;
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '*')).unwrap_or(text.len());
    let head = text[..end].to_string();
    match text[end..].strip_prefix("::") {
        Some(rest) if !rest.starts_with('<') => {
            tree(rest).into_iter().map(|tail| [vec![head.clone()], tail].concat()).collect()
        }
        _ => vec![vec![head]],
    }
}

/// Whether a row lets a path pass.
fn passes(allowed: &Allowed, own: &str, segments: &[String]) -> bool {
    let target = segments[0].as_str();
    if target == own {
        return true;
    }
    match allowed {
        Allowed::AllBut(names) => !names.iter().any(|name| name == target),
        Allowed::Only(names) => names.iter().any(|name| {
            let seam = name.strip_suffix(" (seam)");
            // A submodule is written small and followed by more; a function is written small and ends the path.
            let inner = segments.len() > 2 && segments[1].starts_with(char::is_lowercase);
            name == target || seam == Some(target) && !inner
        }),
    }
}

/// Fails with all complaints at once.
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn imports_are_those_of_the_table() {
    let table = table();
    let tops: Vec<String> = table.keys().map(|name| name.split('/').next().unwrap().to_string()).collect();
    let mut complaints = Vec::new();
    // A file `tests.rs` is a test module: it may read an article to have a document to work on.
    let is_code = |file: &File| file.path != "src/lib.rs" && !file.path.ends_with("/tests.rs");
    for file in files("src").into_iter().filter(is_code) {
        let module = module_of(&file.path);
        let own = module.split('/').next().unwrap().to_string();
        let Some((name, allowed)) = row(&table, &module) else {
            complaints.push(format!("{}: module {module} has no row in the Code map of ARCHITECTURE.md", file.path));
            continue;
        };
        for import in imports(&module, &without_tests(&plain(&file.text))) {
            let target = &import.segments[0];
            if tops.contains(target) && !passes(allowed, &own, &import.segments) {
                complaints.push(format!(
                    "{}:{}: {module} → {} is not in the Code map; {name} may import {allowed:?}",
                    file.path,
                    import.line,
                    import.segments.join("::"),
                ));
            }
        }
    }
    none(&complaints);
}

#[test]
fn every_row_of_the_table_is_a_module_or_is_planned() {
    let text = architecture();
    let complaints: Vec<String> = table()
        .keys()
        .filter(|name| {
            let path = root().join("src").join(name);
            !path.is_dir() && !path.with_extension("rs").is_file() && !text.contains(&format!("`{name}` is planned"))
        })
        .map(|name| format!("ARCHITECTURE.md: there is no module {name}"))
        .collect();
    none(&complaints);
}

#[test]
fn families_are_named_by_load_only() {
    let mut complaints = Vec::new();
    for file in files("src") {
        let module = module_of(&file.path);
        let own = FAMILIES.iter().find(|family| row_is(&module, &format!("model/{family}")));
        for import in imports(&module, &without_tests(&plain(&file.text))) {
            let [first, second, ..] = import.segments.as_slice() else { continue };
            let family = FAMILIES.iter().find(|family| first == "model" && second == *family);
            if let Some(family) = family
                && own != Some(family)
                && !row_is(&module, "registry/load")
            {
                let place = format!("{}:{}", file.path, import.line);
                complaints.push(format!("{place}: {module} names the family {family}; only registry/load may"));
            }
        }
    }
    none(&complaints);
}

/// Whether a module is the named one or inside it.
fn row_is(module: &str, name: &str) -> bool {
    module == name || module.starts_with(&format!("{name}/"))
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut complaints = Vec::new();
    for file in files("src").into_iter().chain(files("tests")) {
        let lines = file.text.lines().count();
        if lines > LONGEST_FILE {
            complaints.push(format!("{}: expected at most {LONGEST_FILE} lines, got {lines}", file.path));
        }
        if !file.text.starts_with("//!") {
            complaints.push(format!("{}: expected //! documentation in the first line", file.path));
        }
        let name = module_of(&file.path);
        if let Some(part) = name.split('/').find(|part| EMPTY_NAMES.contains(part)) {
            complaints.push(format!("{}: the name {part} says nothing", file.path));
        }
    }
    none(&complaints);
}

#[test]
fn unsafe_stands_in_kernels_and_memory_maps_only() {
    let mut complaints = Vec::new();
    for file in files("src") {
        if file.path.starts_with("src/kernels/") || MEMORY_MAPS.contains(&file.path.as_str()) {
            continue;
        }
        for (index, line) in plain(&file.text).lines().enumerate() {
            if line.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == "unsafe") {
                complaints.push(format!("{}:{}: unsafe outside kernels", file.path, index + 1));
            }
        }
    }
    none(&complaints);
}

#[test]
fn the_library_is_silent_and_reads_no_environment() {
    const LOUD: &[&str] = &["println!", "eprintln!", "print!(", "eprint!(", "dbg!", "process::exit", "env::"];
    let mut complaints = Vec::new();
    for file in files("src") {
        if file.path.starts_with("src/cli") || file.path == "src/main.rs" {
            continue;
        }
        for (index, line) in without_tests(&plain(&file.text)).lines().enumerate() {
            if let Some(word) = LOUD.iter().find(|word| line.contains(**word)) {
                complaints.push(format!("{}:{}: {word} outside cli", file.path, index + 1));
            }
        }
    }
    none(&complaints);
}

#[test]
fn every_invariant_names_tests_that_exist() {
    let text = architecture();
    let part = text.split("\n## ").find(|part| part.starts_with("Invariants")).expect("no Invariants");
    let mut complaints = Vec::new();
    let mut invariants = 0;
    for line in part.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())) {
        invariants += 1;
        let names: Vec<&str> = line.split('`').skip(1).step_by(2).filter(|name| name.contains(".rs::")).collect();
        if names.is_empty() {
            complaints.push(format!("no test is named: {line}"));
        }
        for name in names {
            let (path, test) = name.split_once("::").unwrap();
            match std::fs::read_to_string(root().join(path)) {
                Ok(text) if text.contains(&format!("fn {test}(")) => {}
                _ => complaints.push(format!("ARCHITECTURE.md names {name}, which does not exist")),
            }
        }
    }
    assert!(invariants >= 11, "the Invariants were not understood");
    none(&complaints);
}

#[test]
fn paths_are_found_in_every_form() {
    let text =
        "use crate::model::{Model, echo::{self, Echo}};\nfn f() { crate::token::id(); super::super::batch::plan() }";
    let found: Vec<String> = imports("decode/beam", text).into_iter().map(|i| i.segments.join("::")).collect();
    assert_eq!(found, ["model::Model", "model::echo::self", "model::echo::Echo", "token::id", "batch::plan"]);
}

#[test]
fn edges_outside_the_table_do_not_pass() {
    let only = Allowed::Only(vec!["model (seam)".into(), "token".into()]);
    let path = |text: &str| -> Vec<String> { text.split("::").map(str::to_string).collect() };
    assert!(passes(&only, "decode", &path("model::Model")));
    assert!(passes(&only, "decode", &path("decode::beam::search")));
    assert!(!passes(&only, "decode", &path("model::marian::Marian")));
    assert!(!passes(&only, "decode", &path("language::Language")));
    assert!(!passes(&Allowed::AllBut(vec!["cli".into()]), "pipeline", &path("cli::Args")));
}
