//! A model file in its parts, so that mutations reach beyond the headers: a changed name, shape, factor or setting in a file
//! that is otherwise whole.

use crate::mutate::Random;

const FLOAT32: u64 = 0x0404;
const INTGEMM8: u64 = 0x4101;
const DESCRIPTION: &str = "special:model.yml";

#[derive(Clone)]
struct Item {
    name: Vec<u8>,
    kind: u64,
    shape: Vec<i32>,
    data: Vec<u8>,
}

#[derive(Clone)]
pub(crate) struct Checkpoint {
    items: Vec<Item>,
}

fn number(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

impl Checkpoint {
    /// Takes a whole file apart.
    pub(crate) fn parse(bytes: &[u8]) -> Checkpoint {
        let count = number(bytes, 8) as usize;
        let heads: Vec<[usize; 4]> =
            (0..count).map(|item| [0, 8, 16, 24].map(|part| number(bytes, 16 + item * 32 + part) as usize)).collect();
        let mut at = 16 + count * 32;
        let mut take = |length: usize| {
            at += length;
            bytes[at - length..at].to_vec()
        };
        let names: Vec<Vec<u8>> = heads.iter().map(|head| take(head[0])).collect();
        let shapes: Vec<Vec<u8>> = heads.iter().map(|head| take(4 * head[2])).collect();
        let padding = number(&take(8), 0) as usize;
        take(padding);
        let items = heads.iter().zip(names).zip(shapes).map(|((head, mut name), shape)| {
            name.pop();
            let shape = shape.chunks_exact(4).map(|size| i32::from_le_bytes(size.try_into().unwrap())).collect();
            Item { name, kind: head[1] as u64, shape, data: take(head[3]) }
        });
        Checkpoint { items: items.collect() }
    }

    /// Length of all before the data.
    pub(crate) fn header(&self) -> usize {
        self.items.iter().map(|item| 32 + item.name.len() + 1 + 4 * item.shape.len()).sum::<usize>() + 24
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut bytes = [1u64, self.items.len() as u64].map(u64::to_le_bytes).concat();
        for item in &self.items {
            let head = [item.name.len() as u64 + 1, item.kind, item.shape.len() as u64, item.data.len() as u64];
            bytes.extend(head.map(u64::to_le_bytes).concat());
        }
        for item in &self.items {
            bytes.extend(&item.name);
            bytes.push(0);
        }
        bytes.extend(self.items.iter().flat_map(|item| &item.shape).flat_map(|size| size.to_le_bytes()));
        bytes.extend(0u64.to_le_bytes());
        bytes.extend(self.items.iter().flat_map(|item| &item.data));
        bytes
    }

    pub(crate) fn mutate(&mut self, random: &mut Random) {
        for _ in 0..=random.below(3) {
            if self.items.is_empty() {
                return;
            }
            let at = random.below(self.items.len());
            let other = self.items[random.below(self.items.len())].clone();
            let item = &mut self.items[at];
            match random.below(12) {
                0 => item.shape.reverse(),
                1 if !item.shape.is_empty() => {
                    let axis = random.below(item.shape.len());
                    item.shape[axis] = random.interesting() as i32;
                }
                2 => item.kind = *random.pick(&[FLOAT32, INTGEMM8, 0x0101, 0x0102, 0x4102]),
                3 => item.name = other.name,
                4 => item.data = other.data,
                5 if random.chance(1, 2) => self.items.push(other),
                5 => drop(self.items.remove(at)),
                6 | 7 => values(item, random),
                _ => {
                    if let Some(item) = self.items.iter_mut().find(|item| item.name == DESCRIPTION.as_bytes()) {
                        describe(item, random);
                    }
                }
            }
        }
    }
}

/// Numbers in the data, or the factor behind the bytes of a matrix.
fn values(item: &mut Item, random: &mut Random) {
    let numbers =
        [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 1e-45, -0.0, 0.0, 1e30, 1e-30, 2e-38];
    let number = random.pick(&numbers).to_le_bytes();
    let elements = item.shape.iter().map(|&size| size as usize).product::<usize>();
    if item.kind == FLOAT32 && elements > 0 {
        let all = random.chance(1, 4);
        let chosen = random.below(elements);
        for (index, place) in item.data.chunks_exact_mut(4).enumerate() {
            if all || index == chosen {
                place.copy_from_slice(&number);
            }
        }
    } else if item.kind == INTGEMM8 && random.chance(3, 4) {
        if let Some(place) = item.data.get_mut(elements..elements + 4) {
            place.copy_from_slice(&number);
        }
    } else if item.kind == INTGEMM8 {
        let value = *random.pick(&[0u8, 127, 128, 129, 255]);
        item.data.iter_mut().take(elements).for_each(|byte| *byte = value);
    }
}

/// Another value in the network's description of itself.
fn describe(item: &mut Item, random: &mut Random) {
    let text = String::from_utf8_lossy(&item.data).into_owned();
    let mut lines: Vec<String> = text.trim_end_matches('\0').lines().map(str::to_string).collect();
    let fields = [
        "dim-emb:",
        "transformer-dim-ffn:",
        "transformer-heads:",
        "enc-depth:",
        "dec-depth:",
        "  - ",
        "tied-embeddings",
        "transformer-guided-alignment-layer:",
        "transformer-ffn-activation:",
    ];
    let field = random.pick(&fields);
    let known: Vec<usize> =
        (0..lines.len()).filter(|&line| random.chance(1, 20) || lines[line].starts_with(field)).collect();
    if known.is_empty() {
        return;
    }
    let line = *random.pick(&known);
    let value = match random.below(6) {
        0 => (1u64 << random.below(24)).to_string(),
        1 => random.interesting().to_string(),
        2 => (1 + random.below(9)).to_string(),
        3 => (*random.pick(&["true", "false", "", "[]", "last", "relu", "swish", "gelu", "-1", "1e9", "0x20"]))
            .to_string(),
        4 => "9".repeat(1 + random.below(40)),
        _ => (random.below(70_000)).to_string(),
    };
    let kept = match lines[line].split_once(": ") {
        Some((name, _)) => format!("{name}: "),
        None => "  - ".to_string(),
    };
    lines[line] = kept + &value;
    item.data = (lines.join("\n") + "\0").into_bytes();
    item.shape = vec![item.data.len() as i32];
}

/// Writes the checksum that the rest of a shortlist asks for.
pub(crate) fn sign_shortlist(bytes: &mut [u8]) {
    let Some((head, rest)) = bytes.split_at_mut_checked(16) else { return };
    let words = rest.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap()));
    let checksum = words
        .fold(0u64, |seed, word| seed ^ word.wrapping_add(0x9e37_79b9).wrapping_add(seed << 6).wrapping_add(seed >> 2));
    head[8..].copy_from_slice(&checksum.to_le_bytes());
}
