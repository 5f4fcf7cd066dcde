//! Arithmetic on slices: packed matrix products, norms, attention, activations, the best of a vocabulary.
//!
//! The loops are plain Rust, compiled once for each instruction set worth having and chosen at run time; beside each stands a
//! naive reference that the tests compare it with. Nothing here knows tensors, model names or text.
//! A row's result never depends on how many other rows are computed with it.

// A function that is not inlined is not compiled for the instruction set of the kernel that calls it.
#![allow(clippy::inline_always)]

pub mod activation;
pub mod attention;
pub mod causal_attention;
pub mod exponential;
pub mod gemm;
pub mod int8;
pub mod low_bit;
pub mod norm;
pub mod quantized_storage;
pub mod recurrence;
pub mod rms_norm;
pub mod rope;
pub mod spread;
pub mod tiers;
pub mod topk;

/// Number of partial sums in a reduction: one register of AVX-512, two of AVX2, four of SSE2 or NEON.
/// Fixed, so that the order of additions is part of the definition of a kernel.
pub(crate) const LANES: usize = 16;

/// What can go wrong in a kernel.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// A slice does not have the length its shape asks for.
    #[error("{what} has the wrong length: expected {expected}, got {got}")]
    Length {
        /// Which slice.
        what: &'static str,
        /// Elements the shape asks for.
        expected: usize,
        /// Elements there are.
        got: usize,
    },
    /// The system has no memory for the packed weights.
    #[error("no memory for packed weights: {0}")]
    Memory(std::io::Error),
    /// The matrix library refused the product.
    #[error("matrix product failed: {0}")]
    Product(String),
}

/// `a * b + c`, fused where the instruction set of the surrounding kernel has it: without, a fused product would be a call
/// into the C library for each element.
#[inline(always)]
pub(crate) fn multiply_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// Adds the lanes pairwise, in a fixed order.
#[inline(always)]
pub(crate) fn sum_lanes(mut lanes: [f32; LANES]) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// Defines a function whose body is compiled for AVX-512, for AVX2 with FMA, and for the build's own target; the best that
/// the machine has is called. Inside the body `FMA` says whether fused products are instructions.
macro_rules! dispatched {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $answer:ty)? $body:block) => {
        $(#[$attribute])*
        $visibility fn $name($($argument: $type),*) $(-> $answer)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments, clippy::extra_unused_type_parameters)]
            fn body<const FMA: bool>($($argument: $type),*) $(-> $answer)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
                fn with_avx512($($argument: $type),*) $(-> $answer)? {
                    body::<true>($($argument),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn with_avx2($($argument: $type),*) $(-> $answer)? {
                    body::<true>($($argument),*)
                }
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("fma")
                {
                    // SAFETY: the machine has every feature the function was compiled for.
                    return unsafe { with_avx512($($argument),*) };
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: the machine has every feature the function was compiled for.
                    return unsafe { with_avx2($($argument),*) };
                }
            }
            body::<{ cfg!(target_arch = "aarch64") }>($($argument),*)
        }
    };
}
pub(crate) use dispatched;
