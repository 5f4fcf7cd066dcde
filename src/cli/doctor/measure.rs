//! How fast the machine is, in some ten seconds: 8-bit products, reading from memory, and translation where a model is there.

use anyhow::Result;
use rayon::prelude::*;
use serde_json::{Value, json};
use std::hint::black_box;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use tlumach::article::Reading;
use tlumach::job::spec::{
    Alignments, Item, JobSpec, KeepBoilerplate, Lines, Release, Retry, Source, Target, Typography, Work,
};
use tlumach::kernels::int8::{Finish, Matrix, QuantizedRows, multiply, pack};
use tlumach::language::Language;
use tlumach::pipeline::models::Models;
use tlumach::pipeline::{Event, Observer, Pipeline};

/// How long each measurement of the machine goes on.
const EACH: Duration = Duration::from_millis(1500);
/// How long is translated.
const TRANSLATION: Duration = Duration::from_millis(4500);
/// Rows, inputs and outputs of the product: a batch before the feed-forward layer of a base model.
const SHAPE: (usize, usize, usize) = (64, 512, 2048);
/// How much is read: more than any cache holds.
const READ_BYTES: usize = 512 << 20;

/// Measures everything. `ready` is a direction that works.
pub(super) fn all(threads: usize, ready: Option<(Language, Language)>, models: &Models<'_>) -> Value {
    let one = on(1, int8_gops);
    let all = on(threads, int8_gops);
    let read = on(threads, read_gb_per_s);
    let translation = ready.map(|(from, to)| {
        translation((from, to), threads, models).unwrap_or_else(|error| json!({ "error": super::super::chain(&error) }))
    });
    json!({
        "threads": threads,
        "int8_gops": { "one": one, "all": all },
        "read_gb_per_s": read,
        "translation": translation,
    })
}

/// Runs on so many threads; nothing if the system gives none.
fn on(threads: usize, work: fn() -> f64) -> Option<f64> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().ok()?;
    Some((pool.install(work) * 10.0).round() / 10.0)
}

/// The same work again and again; the amount of one pass, in so many a second.
fn rate(amount: f64, mut pass: impl FnMut()) -> f64 {
    pass();
    let began = Instant::now();
    let mut passes = 0u32;
    while began.elapsed() < EACH {
        pass();
        passes += 1;
    }
    amount * f64::from(passes) / began.elapsed().as_secs_f64()
}

/// Thousand millions of multiplications and additions a second, counted apart.
fn int8_gops() -> f64 {
    let (rows, inputs, outputs) = SHAPE;
    let values = |count: usize| (0..count).map(|at| (at * 37 % 101) as f32 / 50.0 - 1.0).collect::<Vec<f32>>();
    let packed = pack(&values(outputs * inputs), inputs);
    let bias = vec![0.0; outputs];
    let matrix =
        Matrix { values: &packed.values, scales: &packed.scales, sums: &packed.sums, bias: &bias, outputs, inputs };
    let mut x = QuantizedRows::default();
    x.set(&values(rows * inputs), inputs);
    let panels = 0..outputs.div_ceil(tlumach::kernels::int8::PANEL);
    let mut output = vec![0.0; rows * outputs];
    rate(2.0 * (rows * inputs * outputs) as f64 / 1e9, || {
        // The shapes are right by construction; a failure shows as a figure far too high.
        let _ = black_box(multiply(black_box(&x), (&matrix, panels.clone()), &mut output, Finish::Store));
    })
}

fn read_gb_per_s() -> f64 {
    let words = vec![1u64; READ_BYTES / 8];
    let piece = words.len().div_ceil(rayon::current_num_threads() * 4);
    rate(READ_BYTES as f64 / 1e9, || {
        let sum = |piece: &[u64]| piece.iter().fold(0u64, |sum, &word| sum.wrapping_add(word));
        black_box(black_box(&words).par_chunks(piece).map(sum).reduce(|| 0, u64::wrapping_add));
    })
}

/// Nobody is told.
struct Nobody;

impl Observer for Nobody {
    fn event(&self, _: &Event<'_>) {}
}

/// Words a second of built-in sentences, the loading of the models left out.
fn translation((from, to): (Language, Language), threads: usize, models: &Models<'_>) -> Result<Value> {
    let article = |number: usize| Item {
        // Numbered, or the program would see that all articles are the same and translate one.
        input: Source::Bytes { name: format!("{number}"), bytes: text(from, number).into_bytes() },
        output: Target::Caller,
    };
    let job = |items| JobSpec {
        work: Work::Translate {
            by_line: Lines::Sentences,
            boilerplate: KeepBoilerplate::Keep,
            alignments: Alignments::Omit,
        },
        items,
        from: Some(from),
        to: Some(to),
        beams: None,
        threads,
        retry: Retry::Off,
        release: Release::All,
        typography: Typography::Auto,
        reading: Reading::default(),
        staging: None,
    };
    let never = AtomicBool::new(false);
    let pass = |items| -> Result<(usize, f64)> {
        let spec = job(items);
        let began = Instant::now();
        let summary = Pipeline::new(&spec, models, &never, &Nobody).execute()?;
        let seconds = began.elapsed().as_secs_f64() - summary.totals.load_ms as f64 / 1000.0;
        Ok((summary.totals.source_words, seconds.max(1e-6)))
    };
    // The first pass loads the models, and is enough for a slow one; the second tells how much fits into the time.
    let (mut words, mut seconds) = pass(vec![article(0)])?;
    if seconds < TRANSLATION.as_secs_f64() / 3.0 {
        (words, seconds) = pass(vec![article(1)])?;
    }
    if seconds < TRANSLATION.as_secs_f64() / 3.0 {
        let articles = (TRANSLATION.as_secs_f64() / seconds).clamp(1.0, 5000.0) as usize;
        (words, seconds) = pass((2..articles + 2).map(article).collect())?;
    }
    Ok(json!({
        "from": from,
        "to": to,
        "models": models.records().iter().map(|model| model.name.clone()).collect::<Vec<_>>(),
        "words": words,
        "seconds": (seconds * 1000.0).round() / 1000.0,
        "words_per_s": (words as f64 / seconds * 10.0).round() / 10.0,
    }))
}

/// An article of one sentence with a number in it.
fn text(language: Language, number: usize) -> String {
    let sentences: &[&str] = match language {
        Language::UK => &[
            "Уночі над містом пройшла гроза, і {} вулиць залишилися без світла.",
            "Ремонтники працювали до ранку й повернули електрику в {} будинків.",
            "Мер подякував їм і попросив мешканців не підходити до обірваних дротів, яких нарахували {}.",
            "Школи відкриються завтра о звичній годині, повідомили в управлінні освіти, де отримали {} дзвінків.",
            "Синоптики чекають на дощ до кінця тижня, а потім на {} сонячних днів.",
        ],
        Language::KO => &[
            "밤사이 도시에 뇌우가 지나가면서 거리 {}곳의 전기가 끊겼다.",
            "복구반은 아침까지 일해 건물 {}채에 다시 전기를 공급했다.",
            "시장은 이들에게 감사하며 끊어진 전선 {}개에 가까이 가지 말라고 주민들에게 당부했다.",
            "교육청은 전화 {}통을 받은 뒤 학교가 내일 평소처럼 문을 연다고 밝혔다.",
            "기상청은 주말까지 비가 내리고 그 뒤로 {}일 동안 맑을 것으로 내다봤다.",
        ],
        _ => &[
            "A thunderstorm crossed the town last night and left {} streets without power.",
            "Repair crews worked until morning and brought the light back to {} houses.",
            "The mayor thanked them and asked people to stay away from the {} broken lines.",
            "Schools will open tomorrow at the usual hour, said the education office, which had taken {} calls.",
            "Forecasters expect rain until the end of the week and then {} days of sunshine.",
        ],
    };
    sentences[number % sentences.len()].replace("{}", &(number + 3).to_string())
}
