//! Tests of the readers on small, cut and damaged files.

#![allow(clippy::unwrap_used)]
use super::*;

fn tiny(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tiny").join(name)
}

fn legacy() -> PathBuf {
    tiny("marian-base-legacy/pytorch_model.bin")
}

/// Opens bytes as a file and reads every tensor; the error's text if there was one.
fn open_bytes(bytes: &[u8]) -> Result<usize, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let weights = Weights::open(&[file.path().to_path_buf()]).map_err(|error| error.to_string())?;
    let mut elements = 0;
    for name in weights.names() {
        let shape = weights.shape(name).unwrap().to_vec();
        elements += weights.read(name, &shape).map_err(|error| error.to_string())?.len();
    }
    Ok(elements)
}

#[test]
fn every_layout_is_read() {
    for (files, name, shape) in [
        (vec!["marian-base-legacy/pytorch_model.bin"], "model.decoder.layers.0.fc1.weight", vec![64, 32]),
        (vec!["marian-base-zip/pytorch_model.bin"], "model.decoder.layers.0.fc1.weight", vec![64, 32]),
        (vec!["marian-big-safetensors/model.safetensors"], "model.shared.weight", vec![96, 48]),
        (
            vec![
                "marian-two-vocabularies/model-00001-of-00002.safetensors",
                "marian-two-vocabularies/model-00002-of-00002.safetensors",
            ],
            "model.encoder.embed_tokens.weight",
            vec![90, 32],
        ),
    ] {
        let weights = Weights::open(&files.iter().map(|file| tiny(file)).collect::<Vec<_>>()).unwrap();
        assert_eq!(weights.shape(name), Some(shape.as_slice()), "{name}");
        let values = weights.read(name, &shape).unwrap();
        assert_eq!(values.len(), shape.iter().product::<usize>());
        assert!(values.iter().all(|value| value.is_finite()));
        assert!(values.iter().any(|value| *value != 0.0));
    }
}

#[test]
fn shards_that_overlap_are_refused() {
    let error = Weights::open(&[legacy(), legacy()]).unwrap_err().to_string();
    assert!(error.contains("is also in"), "{error}");
}

#[test]
fn every_truncation_is_an_error_that_says_so() {
    let whole = std::fs::read(legacy()).unwrap();
    assert!(open_bytes(&whole).unwrap() > 40_000);
    // Densely through the description of the tensors, then in steps through their data.
    for length in (0..12_000).step_by(31).chain((12_000..whole.len()).step_by(3_011)).chain([whole.len() - 1]) {
        let error = open_bytes(&whole[..length]).unwrap_err();
        if length > 16 {
            assert!(error.contains("cut"), "{length} bytes: {error}");
        }
    }
    let zip = std::fs::read(tiny("marian-base-zip/pytorch_model.bin")).unwrap();
    let safe = std::fs::read(tiny("marian-big-safetensors/model.safetensors")).unwrap();
    for whole in [zip, safe] {
        for length in (0..whole.len()).step_by(5_011).chain([whole.len() - 1]) {
            open_bytes(&whole[..length]).unwrap_err();
        }
    }
}

#[test]
fn flipped_bytes_never_panic() {
    for (path, described) in [
        (legacy(), 12_000),
        (tiny("marian-base-zip/pytorch_model.bin"), 12_000),
        (tiny("marian-big-safetensors/model.safetensors"), 4_000),
    ] {
        let mut bytes = std::fs::read(path).unwrap();
        for place in (0..described).step_by(47).chain((described..bytes.len()).step_by(9_001)) {
            for flip in [0x01, 0x80, 0xff] {
                bytes[place] ^= flip;
                // Many flips go unnoticed (a number is another number then): there must be an answer, whichever.
                let _ = open_bytes(&bytes);
                bytes[place] ^= flip;
            }
        }
    }
}

/// A pickle in the older format that calls a function of the system.
#[test]
fn nothing_is_executed() {
    let mut bytes = std::fs::read(legacy()).unwrap();
    let name = b"collections\nOrderedDict\n";
    let place = bytes.windows(name.len()).position(|window| window == name).unwrap();
    bytes.splice(place..place + name.len(), *b"posix\nsystem\n");
    let error = open_bytes(&bytes).unwrap_err();
    assert!(error.contains("the file asks for posix.system, which is not allowed"), "{error}");
}

#[test]
fn what_is_no_checkpoint_is_told_apart() {
    assert!(open_bytes(b"").unwrap_err().contains("got 0 bytes"));
    assert!(open_bytes(b"<!DOCTYPE html><html>").unwrap_err().contains("<!DOCTYPE html>"));
    assert!(open_bytes(b"version https://git-lfs.github.com/spec/v1\n").unwrap_err().contains("Git LFS"));
    assert!(Weights::open(&[PathBuf::from("no/such/file")]).unwrap_err().to_string().contains("no/such/file"));
}

#[test]
fn impossible_headers_are_refused_before_anything_is_allocated() {
    let check = |header: &str, message: &str| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend([0; 16]);
        let error = open_bytes(&bytes).unwrap_err();
        assert!(error.contains(message), "{error}");
    };
    check(r#"{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,16]}}"#, "does not fill");
    check(r#"{"a":{"dtype":"F32","shape":[1000],"data_offsets":[0,4000]}}"#, "the file is cut");
    check(r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,0]}}"#, "does not fill");
    check(r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[18446744073709551600,18446744073709551616]}}"#, "damaged");
    check(r#"{"a":7}"#, "damaged header");
}

#[test]
fn views_are_brought_into_order() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, &(0..12u8).flat_map(|v| f32::from(v).to_le_bytes()).collect::<Vec<_>>())
        .unwrap();
    let entry = Entry { element: ElementType::F32, shape: vec![3, 2], strides: vec![1, 4], offset: 8, scale: 1.0 };
    assert_eq!(read_entry(file.path(), "a", &entry).unwrap(), [2.0, 6.0, 3.0, 7.0, 4.0, 8.0]);
    let scalar = Entry { element: ElementType::F32, shape: vec![], strides: vec![], offset: 4, scale: 1.0 };
    assert_eq!(read_entry(file.path(), "a", &scalar).unwrap(), [1.0]);
}
