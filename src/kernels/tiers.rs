//! Run-time choice of the instruction set for loops that the compiler vectorizes by itself.
//!
//! A kernel is written once as an `#[inline(always)]` function with a `const FMA: bool` parameter; `tiers` compiles
//! it for the baseline, for AVX2 and for AVX-512 and picks at run time. Nothing here knows what is computed.

// The bodies are compiled once for each instruction set, which only works if they are inlined there.
#![allow(clippy::inline_always)]

/// Declares a function that runs an `#[inline(always)]` body compiled for the best instruction set of the machine.
///
/// The body takes `const FMA: bool`: whether [`multiply_add`] is one instruction.
macro_rules! tiers {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $result:ty)? => $body:ident) => {
        $(#[$doc])*
        $vis fn $name($($arg: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
                fn wide($($arg: $type),*) $(-> $result)? {
                    $body::<true>($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn narrow($($arg: $type),*) $(-> $result)? {
                    $body::<true>($($arg),*)
                }
                if std::is_x86_feature_detected!("avx512f")
                    && std::is_x86_feature_detected!("avx512bw")
                    && std::is_x86_feature_detected!("avx512dq")
                    && std::is_x86_feature_detected!("avx512vl")
                    && std::is_x86_feature_detected!("fma")
                {
                    // SAFETY: every feature the function was compiled for has just been detected.
                    return unsafe { wide($($arg),*) };
                }
                if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
                    // SAFETY: as above.
                    return unsafe { narrow($($arg),*) };
                }
            }
            $body::<{ cfg!(target_arch = "aarch64") }>($($arg),*)
        }
    };
}

pub(crate) use tiers;

/// What the loops of this module run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// AVX-512 with its byte, word and vector length extensions.
    Avx512,
    /// AVX2 with fused multiplication and addition.
    Avx2,
    /// What every processor of the architecture has.
    Baseline,
}

tiers! {
    /// What the loops run on in this machine, said by one of them.
    pub fn width() -> Width => width_of
}

#[inline(always)]
fn width_of<const FMA: bool>() -> Width {
    // Which of the three copies this is cannot be asked, so the order of the choice is repeated here.
    #[cfg(target_arch = "x86_64")]
    if FMA {
        let wide = std::is_x86_feature_detected!("avx512f")
            && std::is_x86_feature_detected!("avx512bw")
            && std::is_x86_feature_detected!("avx512dq")
            && std::is_x86_feature_detected!("avx512vl");
        return if wide { Width::Avx512 } else { Width::Avx2 };
    }
    Width::Baseline
}

/// `a * b + c`, fused where the instruction set has it (a call into the maths library would be far slower).
#[inline(always)]
pub(crate) fn multiply_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}
