//! Times the kernels at the shapes of the models: `cargo bench --bench kernels`. Benchmarks measure; tests do not time.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use tlumach::kernels::gemm::{PackedMatrix, Store};
use tlumach::kernels::int8::{
    Activations, Chosen, Finish, Matrix, PANEL, QuantizedRows, Tier, multiply_chosen, multiply_with, pack,
    padded_outputs,
};

fn main() {
    divan::main();
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919) % 2003) as f32 / 1000.0 - 1.0).collect()
}

/// Width of the input and of the output: attention, both feed-forward matrices, and a part of a vocabulary.
const SHAPES: [(usize, usize); 4] = [(512, 1536), (512, 2048), (2048, 512), (512, 16384)];
const ROWS: [usize; 4] = [1, 8, 64, 256];

fn cases() -> impl Iterator<Item = (usize, usize, usize)> {
    SHAPES.into_iter().flat_map(|(inputs, outputs)| ROWS.map(|rows| (rows, inputs, outputs)))
}

/// Items are multiply-adds.
fn int8(bencher: Bencher<'_, '_>, (rows, inputs, outputs): (usize, usize, usize), tier: Tier) {
    let packed = pack(&numbers(outputs * inputs), inputs);
    let bias = vec![0.0; padded_outputs(outputs)];
    let matrix =
        Matrix { values: &packed.values, scales: &packed.scales, sums: &packed.sums, bias: &bias, outputs, inputs };
    let x = numbers(rows * inputs);
    let mut output = vec![0.0; rows * outputs];
    let mut quantized = QuantizedRows::default();
    bencher.counter(ItemsCount::new(rows * inputs * outputs)).bench_local(|| {
        quantized.set(black_box(&x), inputs);
        let what = (&matrix, 0..outputs.div_ceil(PANEL));
        multiply_with(tier, &quantized, what, (&mut output, Finish::Store)).expect("lengths fit");
    });
}

#[divan::bench(args = cases())]
fn product_int8(bencher: Bencher<'_, '_>, case: (usize, usize, usize)) {
    int8(bencher, case, Tier::best());
}

#[divan::bench(args = cases())]
fn product_int8_avx2(bencher: Bencher<'_, '_>, case: (usize, usize, usize)) {
    if Tier::available().contains(&Tier::Avx2) {
        int8(bencher, case, Tier::Avx2);
    }
}

#[divan::bench(args = cases())]
fn product_f32(bencher: Bencher<'_, '_>, (rows, inputs, outputs): (usize, usize, usize)) {
    let matrix = PackedMatrix::new(&numbers(outputs * inputs), outputs, inputs).expect("lengths fit");
    let x = numbers(rows * inputs);
    let mut output = vec![0.0; rows * outputs];
    bencher.counter(ItemsCount::new(rows * inputs * outputs)).bench_local(|| {
        matrix.multiply(black_box(&x), &mut output, Store::Replace).expect("lengths fit");
    });
}

/// One step of 48 sentences in the projection of a student: 256 wide, 16-bit activations.
const SENTENCES: usize = 48;
const WIDTH: usize = 256;
/// The mean length of a sentence's shortlist, and of that of a batch of 48, over 1005 news sentences with the lists of the en-pt
/// student.
const OF_A_SENTENCE: usize = 1059;
const OF_A_BATCH: usize = 11_921;

fn activations(rows: usize) -> QuantizedRows {
    let mut x = QuantizedRows::default();
    x.set_to(&numbers(rows * WIDTH), WIDTH, Activations::Bits16);
    x
}

/// Each sentence with its own list, read where it lies. Items are sentences.
#[divan::bench]
fn shortlist_of_each_sentence(bencher: Bencher<'_, '_>) {
    const VOCAB: usize = 32_000;
    let values: Vec<i8> = (0..VOCAB * WIDTH).map(|i| (i * 7919 % 255) as u8 as i8).collect();
    let lists: Vec<Vec<u32>> = (0..SENTENCES)
        .map(|sentence| {
            // A twentieth of each list is the same for all; the rest is anywhere.
            let mut list: Vec<u32> = (0..50).collect();
            list.extend((50..OF_A_SENTENCE).map(|i| ((i * 104_729 + sentence * 15_485_863) % OF_A_BATCH * 2) as u32));
            list.sort_unstable();
            list
        })
        .collect();
    let (scales, sums, bias) = (vec![1.0; OF_A_SENTENCE], vec![0; OF_A_SENTENCE], vec![0.0; OF_A_SENTENCE]);
    let x: Vec<QuantizedRows> = (0..SENTENCES).map(|_| activations(1)).collect();
    let mut output = vec![0.0; OF_A_SENTENCE];
    bencher.counter(ItemsCount::new(SENTENCES)).bench_local(|| {
        for (x, rows) in x.iter().zip(&lists) {
            let chosen = Chosen { values: &values, inputs: WIDTH, rows, scales: &scales, sums: &sums, bias: &bias };
            multiply_chosen(black_box(x), &chosen, &mut output).expect("lengths fit");
        }
    });
}

/// All sentences with the union of their lists, packed before. Items are sentences.
#[divan::bench]
fn shortlist_of_the_batch(bencher: Bencher<'_, '_>) {
    let packed = pack(&numbers(OF_A_BATCH * WIDTH), WIDTH);
    let bias = vec![0.0; padded_outputs(OF_A_BATCH)];
    let matrix = Matrix {
        values: &packed.values,
        scales: &packed.scales,
        sums: &packed.sums,
        bias: &bias,
        outputs: OF_A_BATCH,
        inputs: WIDTH,
    };
    let x = activations(SENTENCES);
    let mut output = vec![0.0; SENTENCES * OF_A_BATCH];
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    bencher.counter(ItemsCount::new(SENTENCES)).bench_local(|| {
        let what = (&matrix, 0..OF_A_BATCH.div_ceil(PANEL));
        pool.install(|| multiply_with(Tier::best(), black_box(&x), what, (&mut output, Finish::Store)))
            .expect("lengths fit");
    });
}
