//! (in the making)

pub mod causal_attention;
pub mod exponential;
pub mod quantized_storage;
pub mod rms_norm;
pub mod rope;
pub mod spread;
pub mod tiers;
