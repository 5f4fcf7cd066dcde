//! Times the kernels at the shapes of the models: `cargo bench --bench kernels`. Benchmarks measure; tests do not time.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use tlumach::kernels::gemm::{PackedMatrix, Store};
use tlumach::kernels::int8::{Finish, Matrix, PANEL, QuantizedRows, Tier, multiply_with, pack, padded_outputs};

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
