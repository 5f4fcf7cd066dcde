//! Damaged checkpoints of `PyTorch`: the zip archive and the older format.

use crate::harness::{Harness, Input};
use crate::{mutate, tiny};
use std::io::{Cursor, Read, Write};
use tlumach::model::weights::Weights;
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, ZipArchive};

/// The entries of an archive, in order.
fn entries(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let mut contents = Vec::new();
        entry.read_to_end(&mut contents).unwrap();
        entries.push((entry.name().unwrap().into_owned(), contents));
    }
    entries
}

/// An archive whose checksums are right, so that what its entries hold is looked at.
fn pack(entries: &[(String, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, contents) in entries {
        writer.start_file(name.as_str(), SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(contents).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Reads every tensor; whether there was one.
fn reads(weights: &Weights) -> bool {
    let mut read = false;
    for (name, shape) in weights.list() {
        read |= weights.read(&name, &shape).is_ok();
        let _ = weights.read_quantized(&name, &shape);
        if let [rows, width] = shape[..] {
            let _ = weights.read_rows(&name, [rows, width], |_| Ok(()));
        }
    }
    read
}

#[test]
fn archives() {
    let seeds: Vec<Vec<u8>> = ["marian-base-zip", "seq2seq/bart-uneven"]
        .map(|folder| std::fs::read(tiny().join(folder).join("pytorch_model.bin")).unwrap())
        .into();
    let unpacked: Vec<Vec<(String, Vec<u8>)>> = seeds.iter().map(|seed| entries(seed)).collect();
    let place = tempfile::tempdir().unwrap();
    let mut harness = Harness::new("pickle-archives", 300);
    while harness.goes_on() {
        let mut random = harness.random();
        let index = random.below(seeds.len());
        let mut bytes = if random.chance(3, 4) {
            let mut entries = unpacked[index].clone();
            let pickle = entries.iter().position(|(name, _)| name.ends_with("data.pkl")).unwrap();
            let length = entries[pickle].1.len();
            mutate::bytes(&mut entries[pickle].1, &[0..200, length / 2..length / 2 + 400, 0..length], &mut random);
            if random.chance(1, 8) {
                let at = random.below(entries.len());
                entries[at].1.truncate(1);
            }
            let method = if random.chance(1, 16) { CompressionMethod::Deflated } else { CompressionMethod::Stored };
            pack(&entries, method)
        } else {
            seeds[index].clone()
        };
        let honest = bytes.len();
        if random.chance(1, 3) {
            // The list of entries stands at the end.
            let hot = [0..200, honest.saturating_sub(4_000)..honest];
            mutate::bytes(&mut bytes, &hot, &mut random);
        }
        tries(place.path(), &mut harness, &bytes);
    }
    harness.finish();
}

#[test]
fn older_files() {
    let seed = std::fs::read(tiny().join("marian-base-legacy").join("pytorch_model.bin")).unwrap();
    let place = tempfile::tempdir().unwrap();
    let mut harness = Harness::new("pickle-older", 500);
    while harness.goes_on() {
        let mut random = harness.random();
        let mut bytes = seed.clone();
        let length = bytes.len();
        // The pickles come first, the numbers behind them.
        mutate::bytes(&mut bytes, &[0..160, 160..2_000, 2_000..14_000, 0..length], &mut random);
        tries(place.path(), &mut harness, &bytes);
    }
    harness.finish();
}

fn tries(place: &std::path::Path, harness: &mut Harness, bytes: &[u8]) {
    // A file that is mapped may not change under the map: each has a name of its own.
    let file = tempfile::Builder::new().suffix(".bin").tempfile_in(place).unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    harness.run(&Input { bytes, honest: bytes.len() }, || {
        Weights::open(&[file.path().to_owned()]).is_ok_and(|weights| reads(&weights))
    });
}
