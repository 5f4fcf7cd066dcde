//! The simpler simple recurrent unit (SSRU) that stands in for self-attention in the decoders of Marian's students.

use super::activation::exp;
use super::{dispatched, multiply_add};

dispatched! {
    /// One step of one row: `projected` is `[2 × width]`, the candidate x̃ and then the forget gate before its σ.
    ///
    /// `cell = σ(f)·cell + (1 − σ(f))·x̃`, `output = max(cell, 0)` (Kim et al. 2019, "From Research to Production and Back",
    /// section 2.2).
    ///
    /// # Panics
    /// If a slice is shorter than `cell` asks for.
    pub fn ssru(projected: &[f32], cell: &mut [f32], output: &mut [f32]) {
        let width = cell.len();
        let (candidates, gates) = projected[..2 * width].split_at(width);
        let output = &mut output[..width];
        for (((cell, output), &candidate), &gate) in cell.iter_mut().zip(output).zip(candidates).zip(gates) {
            let forget = 1.0 / (1.0 + exp::<FMA>(-gate));
            *cell = multiply_add::<FMA>(forget, *cell - candidate, candidate);
            *output = if *cell > 0.0 { *cell } else { 0.0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_formula() {
        let width = 37;
        let number = |i: usize| ((i * 7919 % 211) as f32 - 105.0) / 20.0;
        let mut cell: Vec<f32> = (0..width).map(number).collect();
        let mut output = vec![0.0; width];
        for step in 0..4 {
            let projected: Vec<f32> = (0..2 * width).map(|i| number(i + 31 * step)).collect();
            let expected: Vec<f32> = (0..width)
                .map(|i| {
                    let forget = 1.0 / (1.0 + (-f64::from(projected[width + i])).exp());
                    (forget * f64::from(cell[i]) + (1.0 - forget) * f64::from(projected[i])) as f32
                })
                .collect();
            ssru(&projected, &mut cell, &mut output);
            for i in 0..width {
                assert!((cell[i] - expected[i]).abs() < 1e-5, "{} {}", cell[i], expected[i]);
                assert_eq!(output[i].to_bits(), cell[i].max(0.0).to_bits());
            }
        }
    }
}
