//! Products of 8-bit rows with 8-bit weight matrices, with what follows a product done while its tile is in the cache.
//!
//! A weight matrix is symmetric in each output (`w ≈ scale[output] · q`, `q` in -127..=127), an input row is asymmetric in each
//! row (`x ≈ scale[row] · (u − zero[row])`, `u` in 0..=255, or in 16 bits as two such planes), and sums are exact in 32 bits, so that all instruction sets have the
//! same integers. Nothing saturates: where the instruction set multiplies bytes only with saturation, 16-bit products are used.
//!
//! A matrix is packed in panels of [`PANEL`] outputs, `[panels, inputs / 4, PANEL, 4]`: the same bytes for every instruction
//! set, so that a packed matrix can be kept in a file. See `docs/engine.md` for what was measured.

mod chosen;
mod dot;
mod pack;
mod product;
mod quantize;

pub use chosen::{Chosen, multiply_chosen, multiply_chosen_with};
pub use dot::Tier;
pub use pack::{Packed, pack, pack_quantized, padded_inputs, padded_outputs, unpack_row};
pub use product::{Finish, multiply, multiply_here, multiply_with};
pub use quantize::{Activations, QuantizedRows, quantize_weights};

/// Outputs of a panel: four registers of AVX-512.
pub const PANEL: usize = 64;
/// Consecutive inputs that one 32-bit lane multiplies and sums.
pub const GROUP: usize = 4;

/// A packed matrix `[outputs, inputs]`, wherever its parts are kept.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    /// `[panels, inputs / 4, PANEL, 4]`, zero where the matrix ends.
    pub values: &'a [i8],
    /// Factor of each output, `[padded_outputs]`.
    pub scales: &'a [f32],
    /// Sum of the quantized weights of each output, `[padded_outputs]`.
    pub sums: &'a [i32],
    /// Added to each output, `[padded_outputs]`.
    pub bias: &'a [f32],
    /// Width of the output.
    pub outputs: usize,
    /// Width of the input.
    pub inputs: usize,
}
