//! Hunyuan dense (Hy-MT2): metadata or configuration to flags, sizes and tensor names, and nothing else.
//!
//! Reference: `modeling_hunyuan_v1_dense.py` of transformers and the `hunyuan-dense` graph of llama.cpp. Queries and keys
//! are normalized behind the rotation. The base of the frequencies is stretched by a fixed `alpha`; the converter to
//! GGUF writes the stretched one.

use serde_json::json;

use super::causal_config::{CausalConfig, Defaults, Fields};
use super::decoder_only::{Blueprint, HeadNorm};
use super::gguf::GgufFile;
use super::{ModelError, causal_gguf};

/// The name in GGUF.
const GGUF: [&str; 1] = ["hunyuan-dense"];
/// The name in `config.json`.
const CONFIG: [&str; 1] = ["hunyuan_v1_dense"];

/// What the metadata of a GGUF file says.
///
/// # Errors
/// Another architecture, or metadata that is missing or asks for something that is not implemented.
pub fn blueprint(file: &GgufFile) -> Result<Blueprint, ModelError> {
    let mut blueprint = causal_gguf::read(file, &GGUF, &[])?;
    causal_gguf::refuse_tensors(file, &["ffn_gate.bias", "ffn_gate_inp.weight"])?;
    blueprint.config.parts.head_norm = HeadNorm::AfterRotation;
    blueprint.config.parts.attention_bias = file.has("blk.0.attn_q.bias");
    blueprint.config.parts.output_bias = file.has("blk.0.attn_output.bias");
    Ok(blueprint)
}

/// What `config.json` says.
///
/// # Errors
/// Another model type, or a field that is missing or asks for something that is not implemented.
pub fn from_config(config: &CausalConfig) -> Result<Blueprint, ModelError> {
    let mut fields = Fields::new(config, &CONFIG)?;
    let defaults = Defaults { norm_epsilon: 1e-5, alpha: true, ..Defaults::default() };
    let mut blueprint = fields.read(&defaults)?;
    blueprint.config.parts.head_norm = HeadNorm::AfterRotation;
    blueprint.names.head_norms = ["self_attn.query_layernorm", "self_attn.key_layernorm"];
    let bias = fields.flag("attention_bias", false)?;
    blueprint.config.parts.attention_bias = bias;
    blueprint.config.parts.output_bias = bias;
    for (name, value) in
        [("use_qk_norm", json!(true)), ("use_rotary_pos_emb", json!(true)), ("norm_type", json!("rms"))]
    {
        fields.expect(name, &value)?;
    }
    for name in ["mlp_bias", "use_cla", "use_mixed_mlp_moe", "use_mla"] {
        fields.expect(name, &json!(false))?;
    }
    // Notes of the training framework, of other members of the family, and a second name of `head_dim`.
    fields.ignore(&[
        "anyres_pooling_size",
        "anyres_vit_max_image_size",
        "anyres_vit_two_views",
        "attention_head_dim",
        "im_end_id",
        "im_newline_id",
        "im_start_id",
        "image_token_id",
        "num_media_embeds",
        "position_embedding_xdrope",
        "skip_cls_token",
        "vision_start_id",
        "video_end_id",
        "video_start_id",
        "vit_add_patchemb_bias",
        "cla_share_factor",
        "class_num",
        "dense_list",
        "kv_lora_rank",
        "mask_init_id",
        "max_seq_length",
        "org_vocab_size",
        "pad_id",
        "pool_type",
        "pretraining_tp",
        "qk_nope_head_dim",
        "qk_rope_head_dim",
        "q_lora_rank",
        "sep_id",
        "text_end_id",
        "text_start_id",
        "tokenizer_name",
        "v_head_dim",
    ]);
    fields.finish()?;
    Ok(blueprint)
}
