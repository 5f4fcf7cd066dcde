//! What the parts of a layer are called in a checkpoint, in the three ways there are.

use super::Expansion;

/// How the tensors of a checkpoint are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// As in fairseq and what `transformers` made of it: `layers.0.self_attn.q_proj`, `layers.0.fc1` (Marian, BART, M2M100).
    Fairseq,
    /// As in `transformers`' T5: `block.0.layer.0.SelfAttention.q`, `block.0.layer.1.DenseReluDense.wi`.
    T5,
    /// As in the GGUF files of T5: `enc.blk.0.attn_q`, `dec.blk.0.cross_attn_q`, `dec.blk.0.ffn_up`.
    Gguf,
}

/// Which side of the network a layer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Encoder,
    Decoder,
}

/// Names of an attention, without `.weight` and `.bias`.
pub(super) struct AttentionNames {
    pub(super) query: String,
    pub(super) key: String,
    pub(super) value: String,
    pub(super) output: String,
    pub(super) norm: String,
}

/// Names of a feed-forward layer, likewise.
pub(super) struct FeedForwardNames {
    /// One matrix, or the two of a gated layer.
    pub(super) expand: Vec<String>,
    pub(super) contract: String,
    pub(super) norm: String,
}

impl Layout {
    pub(super) fn layer(self, prefix: &str, index: usize) -> String {
        match self {
            Layout::Fairseq => format!("{prefix}.layers.{index}"),
            Layout::T5 => format!("{prefix}.block.{index}"),
            Layout::Gguf => format!("{prefix}.blk.{index}"),
        }
    }

    pub(super) fn self_attention(self, layer: &str) -> AttentionNames {
        match self {
            Layout::Fairseq => fairseq_attention(layer, "self_attn"),
            Layout::T5 => t5_attention(layer, 0, "SelfAttention"),
            Layout::Gguf => gguf_attention(layer, "attn"),
        }
    }

    pub(super) fn cross_attention(self, layer: &str) -> AttentionNames {
        match self {
            Layout::Fairseq => fairseq_attention(layer, "encoder_attn"),
            Layout::T5 => t5_attention(layer, 1, "EncDecAttention"),
            Layout::Gguf => gguf_attention(layer, "cross_attn"),
        }
    }

    pub(super) fn feed_forward(self, layer: &str, side: Side, expansion: Expansion) -> FeedForwardNames {
        match self {
            Layout::Fairseq => FeedForwardNames {
                expand: vec![format!("{layer}.fc1")],
                contract: format!("{layer}.fc2"),
                norm: format!("{layer}.final_layer_norm"),
            },
            Layout::T5 => {
                let sublayer = format!("{layer}.layer.{}", if side == Side::Encoder { 1 } else { 2 });
                let parts: &[&str] = match expansion {
                    Expansion::Plain => &["wi"],
                    Expansion::Gated => &["wi_0", "wi_1"],
                };
                FeedForwardNames {
                    expand: parts.iter().map(|part| format!("{sublayer}.DenseReluDense.{part}")).collect(),
                    contract: format!("{sublayer}.DenseReluDense.wo"),
                    norm: format!("{sublayer}.layer_norm"),
                }
            }
            Layout::Gguf => {
                // The gate is what the activation is applied to; a plain layer has the other one only.
                let parts: &[&str] = match expansion {
                    Expansion::Plain => &["ffn_up"],
                    Expansion::Gated => &["ffn_gate", "ffn_up"],
                };
                FeedForwardNames {
                    expand: parts.iter().map(|part| format!("{layer}.{part}")).collect(),
                    contract: format!("{layer}.ffn_down"),
                    norm: format!("{layer}.ffn_norm"),
                }
            }
        }
    }

    /// The norm behind the last layer.
    pub(super) fn final_norm(self, prefix: &str) -> String {
        match self {
            Layout::Fairseq => format!("{prefix}.layer_norm"),
            Layout::T5 => format!("{prefix}.final_layer_norm"),
            Layout::Gguf => format!("{prefix}.output_norm"),
        }
    }

    /// The table of biases by distance, `[buckets, heads]`, of a layer that has one.
    pub(super) fn distance_bias(self, layer: &str) -> String {
        match self {
            Layout::Fairseq => format!("{layer}.self_attn.relative_attention_bias.weight"),
            Layout::T5 => format!("{layer}.layer.0.SelfAttention.relative_attention_bias.weight"),
            Layout::Gguf => format!("{layer}.attn_rel_b.weight"),
        }
    }
}

fn fairseq_attention(layer: &str, kind: &str) -> AttentionNames {
    let part = |part: &str| format!("{layer}.{kind}.{part}");
    AttentionNames {
        query: part("q_proj"),
        key: part("k_proj"),
        value: part("v_proj"),
        output: part("out_proj"),
        norm: format!("{layer}.{kind}_layer_norm"),
    }
}

fn t5_attention(layer: &str, sublayer: usize, kind: &str) -> AttentionNames {
    let part = |part: &str| format!("{layer}.layer.{sublayer}.{kind}.{part}");
    AttentionNames {
        query: part("q"),
        key: part("k"),
        value: part("v"),
        output: part("o"),
        norm: format!("{layer}.layer.{sublayer}.layer_norm"),
    }
}

fn gguf_attention(layer: &str, kind: &str) -> AttentionNames {
    let part = |part: &str| format!("{layer}.{kind}_{part}");
    AttentionNames { query: part("q"), key: part("k"), value: part("v"), output: part("o"), norm: part("norm") }
}
