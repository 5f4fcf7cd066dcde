//! From a matrix row by row to panels, and back a row at a time.

use super::quantize::quantize_weights;
use super::{GROUP, PANEL};

/// A packed matrix on the heap: the parts of a [`super::Matrix`].
#[derive(Debug, Clone, Default)]
pub struct Packed {
    /// See [`super::Matrix::values`].
    pub values: Vec<i8>,
    /// See [`super::Matrix::scales`].
    pub scales: Vec<f32>,
    /// See [`super::Matrix::sums`].
    pub sums: Vec<i32>,
}

/// Inputs rounded up to whole groups.
pub fn padded_inputs(inputs: usize) -> usize {
    inputs.div_ceil(GROUP) * GROUP
}

/// Outputs rounded up to whole panels.
pub fn padded_outputs(outputs: usize) -> usize {
    outputs.div_ceil(PANEL) * PANEL
}

/// Quantizes and packs `weight`, `[outputs, inputs]` row by row.
///
/// # Panics
/// If the slice is no whole number of rows, or `inputs` is 0.
pub fn pack(weight: &[f32], inputs: usize) -> Packed {
    assert!(inputs > 0 && weight.len().is_multiple_of(inputs), "a matrix of whole rows");
    let mut packed = Packed::empty(weight.len() / inputs, inputs);
    let mut row = vec![0i8; padded_inputs(inputs)];
    for (output, weight) in weight.chunks_exact(inputs).enumerate() {
        packed.scales[output] = quantize_weights(weight, &mut row);
        packed.put(output, &row);
    }
    packed
}

/// Packs rows of bytes, `inputs` each, with the factor of each.
///
/// # Panics
/// If a row has another length, or there are more rows than `outputs`.
pub fn pack_quantized<'a>(rows: impl Iterator<Item = (&'a [i8], f32)>, outputs: usize, inputs: usize) -> Packed {
    let mut packed = Packed::empty(outputs, inputs);
    let whole = inputs.is_multiple_of(GROUP);
    let mut padded = vec![0i8; padded_inputs(inputs)];
    for (output, (row, scale)) in rows.enumerate() {
        packed.scales[output] = scale;
        if whole {
            assert_eq!(row.len(), inputs, "a row of the matrix");
            packed.put(output, row);
        } else {
            padded[..inputs].copy_from_slice(row);
            packed.put(output, &padded);
        }
    }
    packed
}

impl Packed {
    fn empty(outputs: usize, inputs: usize) -> Packed {
        let (depth, columns) = (padded_inputs(inputs), padded_outputs(outputs));
        Packed { values: vec![0; depth * columns], scales: vec![0.0; columns], sums: vec![0; columns] }
    }

    /// Writes a row, whole groups, to its place in its panel.
    fn put(&mut self, output: usize, row: &[i8]) {
        let depth = row.len();
        self.sums[output] = row.iter().map(|&q| i32::from(q)).sum();
        let panel = &mut self.values[output / PANEL * PANEL * depth..][..PANEL * depth];
        let column = output % PANEL;
        let places = panel.as_chunks_mut::<GROUP>().0.iter_mut().skip(column).step_by(PANEL);
        for (place, values) in places.zip(row.as_chunks::<GROUP>().0) {
            *place = *values;
        }
    }
}

/// Row `output` of a packed matrix, as numbers, into `row` (`[inputs]`).
///
/// # Panics
/// If there is no such output, or `row` is longer than the matrix is wide.
pub fn unpack_row(matrix: &super::Matrix<'_>, output: usize, row: &mut [f32]) {
    let depth = padded_inputs(matrix.inputs);
    let panel = &matrix.values[output / PANEL * PANEL * depth..][..PANEL * depth];
    let column = output % PANEL * GROUP;
    let scale = matrix.scales[output];
    for (group, values) in row.chunks_mut(GROUP).enumerate() {
        let packed = &panel[group * PANEL * GROUP + column..][..GROUP];
        for (value, &q) in values.iter_mut().zip(packed) {
            *value = scale * f32::from(q);
        }
    }
}
