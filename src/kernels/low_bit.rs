//! Products with matrices of four to eight bits a weight, on the packed bits themselves.
//!
//! A matrix is rearranged once, at load, into tiles of 16 outputs that keep every number of the file (`tiles`); rows are
//! quantized to 8 bits (`activations`) and multiplied up to eight at a time, so that unpacking is paid once for all of
//! them. Sums within a block are exact integers; a row's result depends on that row alone, not on the rows beside it,
//! the number of threads or the instruction set. Threads are those of the current rayon pool.

mod activations;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod pages;
mod plain;
#[cfg(test)]
mod tests;
mod tiles;

use std::ops::Range;

use rayon::prelude::*;

pub use self::activations::Activations;
use self::activations::Group;
use self::pages::{Pages, PlainData};
use self::tiles::{LARGE, SMALL, Tile4, Tile5, Tile6, Tile8};
use super::KernelError;
use super::exponential::Activation;
use super::spread::for_each_index;

/// Outputs of a tile.
pub const COLUMNS: usize = 16;
/// Rows that are multiplied at once.
const ROWS: usize = 8;
/// Runs of tiles a thread gets of a product, so that one that is held up leaves work to the others.
const RUNS: usize = 8;

/// Products of a tile with the rows of a group.
type Sums = [[f32; COLUMNS]; ROWS];

/// How the weights of a file are coded; names and blocks are GGML's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Format {
    Q4_0,
    Q5_0,
    Q8_0,
    Q4K,
    Q5K,
    Q6K,
}

impl Format {
    /// Inputs of a block and the bytes it takes.
    pub fn block(self) -> (usize, usize) {
        match self {
            Format::Q4_0 => (SMALL, 18),
            Format::Q5_0 => (SMALL, 22),
            Format::Q8_0 => (SMALL, 34),
            Format::Q4K => (LARGE, 144),
            Format::Q5K => (LARGE, 176),
            Format::Q6K => (LARGE, 210),
        }
    }
}

/// How activations are quantized for a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocks {
    /// A scale for 32 values.
    Small,
    /// A scale for 256 values: for the K-quants.
    Large,
}

impl Blocks {
    fn inputs(self) -> usize {
        match self {
            Blocks::Small => SMALL,
            Blocks::Large => LARGE,
        }
    }

    /// Values that are summed.
    fn run(self) -> usize {
        match self {
            Blocks::Small => 32,
            Blocks::Large => 16,
        }
    }
}

/// A packed matrix `[outputs, inputs]`.
pub struct LowBitMatrix {
    inputs: usize,
    outputs: usize,
    tiles: Tiles,
}

/// `[outputs / 16, inputs / block]`.
enum Tiles {
    Four(Pages<Tile4>),
    Five(Pages<Tile5>),
    Six(Pages<Tile6>),
    /// And what every weight is stored too high by.
    Eight(Pages<Tile8>, i32),
}

impl std::fmt::Debug for LowBitMatrix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LowBitMatrix[{}, {}]", self.outputs, self.inputs)
    }
}

/// The instruction sets there are kernels for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tier {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Tier {
    fn best() -> Tier {
        #[cfg(target_arch = "x86_64")]
        {
            if avx512::is_available() {
                return Tier::Avx512;
            }
            if avx2::is_available() {
                return Tier::Avx2;
            }
        }
        Tier::Plain
    }
}

impl LowBitMatrix {
    /// Packs the blocks of a file, row after row.
    ///
    /// # Errors
    /// The bytes are not those of `outputs` rows of `inputs` weights.
    pub fn pack(format: Format, bytes: &[u8], outputs: usize, inputs: usize) -> Result<LowBitMatrix, KernelError> {
        let (block, size) = format.block();
        let row = inputs / block * size;
        if inputs == 0 || !inputs.is_multiple_of(block) || bytes.len() != row * outputs {
            let expected = inputs.div_ceil(block) * size * outputs;
            return Err(KernelError::Length { what: "low-bit weights", expected, got: bytes.len() });
        }
        let source = Source { bytes, row, size };
        let tiles = match format {
            Format::Q4K => Tiles::Four(source.gather(Tile4::put)?),
            Format::Q5K => Tiles::Five(source.gather(Tile5::put)?),
            Format::Q6K => Tiles::Six(source.gather(Tile6::put)?),
            Format::Q4_0 | Format::Q5_0 | Format::Q8_0 => {
                let put = |tile: &mut Tile8, column: usize, block: &[u8]| tile.put(format, column, block);
                Tiles::Eight(source.gather(put)?, offset(format))
            }
        };
        Ok(LowBitMatrix { inputs, outputs, tiles })
    }

    /// Width of a row of the output.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Width of a row of the input.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The activations it multiplies.
    pub fn blocks(&self) -> Blocks {
        if matches!(self.tiles, Tiles::Eight(..)) { Blocks::Small } else { Blocks::Large }
    }

    fn tiles(&self) -> usize {
        self.outputs.div_ceil(COLUMNS)
    }

    /// The products of a tile with a group of rows.
    fn multiply_tile(&self, tier: Tier, tile: usize, group: &Group<'_>) -> Sums {
        fn row<T>(tiles: &[T], count: usize, tile: usize) -> &[T] {
            &tiles[tile * count..(tile + 1) * count]
        }
        let mut out = [[0.0; COLUMNS]; ROWS];
        let count = self.inputs / self.blocks().inputs();
        macro_rules! call {
            ($name:ident, $tiles:expr $(, $offset:expr)?) => {{
                let tiles = row($tiles, count, tile);
                match tier {
                    Tier::Plain => plain::$name(tiles, $($offset,)? group, &mut out),
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: tiers other than the plain one are only made where the machine has them.
                    Tier::Avx2 => unsafe { avx2::$name(tiles, $($offset,)? group, &mut out) },
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: as above.
                    Tier::Avx512 => unsafe { avx512::$name(tiles, $($offset,)? group, &mut out) },
                }
            }};
        }
        match &self.tiles {
            Tiles::Four(tiles) => call!(multiply4, tiles),
            Tiles::Five(tiles) => call!(multiply5, tiles),
            Tiles::Six(tiles) => call!(multiply6, tiles),
            Tiles::Eight(tiles, offset) => call!(multiply8, tiles, *offset),
        }
        out
    }

    /// The product on this thread alone: `x` is `[rows, inputs]`, `output` is `[rows, outputs]`.
    ///
    /// # Panics
    /// `x` is not of this matrix's width and blocks, or `output` has another length.
    pub fn multiply_here(&self, x: &Activations, output: &mut [f32]) {
        self.check(x, output.len());
        let tier = Tier::best();
        let output = Output { start: output.as_mut_ptr(), width: self.outputs };
        for tile in 0..self.tiles() {
            for index in 0..x.groups() {
                let sums = self.multiply_tile(tier, tile, &x.group(index));
                // SAFETY: the output was checked to hold these rows and columns, and nobody else writes it.
                unsafe { output.write(index, tile, x.group(index).rows, &sums, Store::Replace(None)) };
            }
        }
    }

    fn check(&self, x: &Activations, output: usize) {
        assert!(x.inputs == self.inputs && x.blocks == self.blocks(), "activations of another matrix: {self:?}");
        assert_eq!(output, x.rows * self.outputs, "output of {self:?}");
    }
}

/// What every weight of a format is stored too high by.
fn offset(format: Format) -> i32 {
    match format {
        Format::Q4_0 => 8,
        Format::Q5_0 => 16,
        _ => 128,
    }
}

/// The rows of a file.
struct Source<'a> {
    bytes: &'a [u8],
    /// Bytes of a row.
    row: usize,
    /// Bytes of a block.
    size: usize,
}

impl Source<'_> {
    fn gather<T: PlainData>(&self, put: impl Fn(&mut T, usize, &[u8]) + Sync) -> Result<Pages<T>, KernelError> {
        let blocks = self.row / self.size;
        let rows = self.bytes.len() / self.row;
        let mut tiles = Pages::new(rows.div_ceil(COLUMNS) * blocks).map_err(KernelError::Memory)?;
        tiles.par_chunks_mut(blocks).zip(self.bytes.par_chunks(COLUMNS * self.row)).for_each(|(tiles, rows)| {
            for (column, row) in rows.chunks_exact(self.row).enumerate() {
                for (tile, block) in tiles.iter_mut().zip(row.chunks_exact(self.size)) {
                    put(tile, column, block);
                }
            }
        });
        Ok(tiles)
    }
}

/// What happens with the numbers that are in the output already.
#[derive(Debug, Clone, Copy)]
pub enum Store<'a> {
    /// They are replaced by the product, plus a bias `[outputs]` if there is one.
    Replace(Option<&'a [f32]>),
    /// The product is added to them.
    Add,
}

/// One of several products that are spread over the threads together.
pub struct Product<'a> {
    /// The weights.
    pub matrix: &'a LowBitMatrix,
    /// `[rows, inputs]`.
    pub x: &'a Activations,
    /// `[rows, outputs]`.
    pub output: &'a mut [f32],
    /// What is stored there.
    pub store: Store<'a>,
}

/// An output that several threads write, each its own columns.
#[derive(Clone, Copy)]
struct Output {
    start: *mut f32,
    width: usize,
}
// SAFETY: every thread writes other columns; see the calls of `write`.
unsafe impl Send for Output {}
// SAFETY: as above.
unsafe impl Sync for Output {}

impl Output {
    /// Writes the columns of a tile in the rows of group `index`.
    ///
    /// # Safety
    /// The output has these rows and columns, a bias as many columns, and nobody else uses them at the time.
    unsafe fn write(self, index: usize, tile: usize, rows: usize, sums: &Sums, store: Store<'_>) {
        let column = tile * COLUMNS;
        let count = COLUMNS.min(self.width - column);
        for (row, sums) in sums.iter().enumerate().take(rows) {
            let at = (index * ROWS + row) * self.width + column;
            // SAFETY: the caller vouches for rows and columns.
            let output = unsafe { std::slice::from_raw_parts_mut(self.start.add(at), count) };
            match store {
                Store::Replace(None) => output.copy_from_slice(&sums[..count]),
                Store::Replace(Some(bias)) => {
                    for ((output, sum), bias) in output.iter_mut().zip(sums).zip(&bias[column..column + count]) {
                        *output = sum + bias;
                    }
                }
                Store::Add => {
                    for (output, sum) in output.iter_mut().zip(sums) {
                        *output += sum;
                    }
                }
            }
        }
    }
}

/// Tiles of a piece. Many, because while a thread multiplies a tile it fetches the next one.
fn tiles_a_piece(tiles: usize) -> usize {
    (tiles / (RUNS * rayon::current_num_threads())).max(1)
}

/// Computes products together, spread over the threads by outputs.
///
/// # Panics
/// As [`LowBitMatrix::multiply_here`], and if a bias is shorter than the outputs.
pub fn multiply(products: &mut [Product<'_>]) {
    let tier = Tier::best();
    let mut pieces: Vec<(&LowBitMatrix, &Activations, Output, Store<'_>, Range<usize>)> = Vec::new();
    for Product { matrix, x, output, store } in products.iter_mut() {
        matrix.check(x, output.len());
        if let Store::Replace(Some(bias)) = store {
            assert!(bias.len() >= matrix.outputs, "bias of {matrix:?}");
        }
        let output = Output { start: output.as_mut_ptr(), width: matrix.outputs };
        let step = tiles_a_piece(matrix.tiles());
        for first in (0..matrix.tiles()).step_by(step) {
            pieces.push((matrix, x, output, *store, first..matrix.tiles().min(first + step)));
        }
    }
    for_each_index(pieces.len(), |piece| {
        let (matrix, x, output, store, tiles) = &pieces[piece];
        for tile in tiles.clone() {
            for index in 0..x.groups() {
                let group = x.group(index);
                let sums = matrix.multiply_tile(tier, tile, &group);
                // SAFETY: length of output and bias were checked; each tile of each product is in one piece.
                unsafe { output.write(index, tile, group.rows, &sums, *store) };
            }
        }
    });
}

/// `activation(x · gateᵀ) · (x · upᵀ)`, `[rows, outputs]`, spread over the threads by outputs.
///
/// # Panics
/// As [`LowBitMatrix::multiply_here`], or the two matrices have not the same outputs.
pub fn multiply_gated(
    [gate, up]: [&LowBitMatrix; 2],
    x: [&Activations; 2],
    activation: Activation,
    output: &mut [f32],
) {
    gate.check(x[0], output.len());
    up.check(x[1], output.len());
    let tier = Tier::best();
    let step = tiles_a_piece(gate.tiles());
    let pieces: Vec<Range<usize>> =
        (0..gate.tiles()).step_by(step).map(|first| first..gate.tiles().min(first + step)).collect();
    let output = Output { start: output.as_mut_ptr(), width: gate.outputs };
    for_each_index(pieces.len(), |piece| {
        let (output, tiles) = (&output, &pieces[piece]);
        for tile in tiles.clone() {
            for index in 0..x[0].groups() {
                let group = x[0].group(index);
                let mut sums = gate.multiply_tile(tier, tile, &group);
                let ups = up.multiply_tile(tier, tile, &x[1].group(index));
                activation.gate(sums.as_flattened_mut(), ups.as_flattened());
                // SAFETY: the length of the output was checked; each tile is in one piece.
                unsafe { output.write(index, tile, group.rows, &sums, Store::Replace(None)) };
            }
        }
    });
}
