#!/usr/bin/env python3
"""Writes tests/tiny/qwen2-{f32,q8}.gguf and tests/golden/qwen/tiny.json: small random Qwen2 networks and what
transformers answers with them (f32). Needs torch, transformers and gguf. Usage: qwen_tiny.py [REPOSITORY]"""
import json
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
VOCAB = 320
TENSORS = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}
OUTER = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
         "lm_head.weight": "output.weight"}


def gguf_name(name):
    if name in OUTER:
        return OUTER[name]
    _, _, layer, rest = name.split(".", 3)
    stem, kind = rest.rsplit(".", 1)
    return f"blk.{layer}.{TENSORS[stem]}.{kind}"


def network(tied):
    config = Qwen2Config(
        vocab_size=VOCAB, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=4096, rms_norm_eps=1e-6, tie_word_embeddings=tied,
        rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0}, attn_implementation="eager",
        bos_token_id=300, eos_token_id=301, use_sliding_window=False)
    model = Qwen2ForCausalLM(config).float().eval()
    generator = torch.Generator().manual_seed(20 + tied)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.2 * noise if "norm" in name else 0.3 * noise if "bias" in name else 0.15 * noise)
            if "embed" in name:
                parameter.copy_(0.5 * noise)
    return model


def write(path, model, quantized):
    writer = gguf.GGUFWriter(path, "qwen2")
    config = model.config
    writer.add_name("tiny")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(1_000_000.0)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    words = [f"t{i}" for i in range(VOCAB)]
    kinds = [gguf.TokenType.NORMAL] * VOCAB
    for i, word in enumerate(["<|endoftext|>", "<|im_end|>", "<|im_start|>"]):
        words[300 + i], kinds[300 + i] = word, gguf.TokenType.CONTROL
    for i in range(310, VOCAB):
        words[i], kinds[i] = f"[PAD{i}]", gguf.TokenType.UNUSED
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(words)
    writer.add_token_types(kinds)
    writer.add_eos_token_id(301)
    kind = gguf.GGMLQuantizationType
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            data = parameter.numpy().astype(np.float32)
            if quantized and data.ndim == 2:
                chosen = kind.Q5_0 if "attn" in gguf_name(name) or "embd" in gguf_name(name) else kind.Q8_0
                blocks = gguf.quants.quantize(data, chosen)
                # The network keeps what the file holds, so that both compute with the same numbers.
                parameter.copy_(torch.from_numpy(gguf.quants.dequantize(blocks, chosen).reshape(data.shape)))
                writer.add_tensor(gguf_name(name), blocks, raw_dtype=chosen)
            else:
                writer.add_tensor(gguf_name(name), data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@torch.no_grad()
def answers(model):
    cases = []
    for length in (1, 2, 5, 17, 40, 130, 3000):
        prompt = [(i * i * 31 + 17 * i + length) % 300 for i in range(length)]
        out = model(torch.tensor([prompt]), use_cache=True)
        logits = out.logits[0, -1]
        best = torch.topk(logits, 10)
        cache, ids, margins = out.past_key_values, [], []
        row = logits.clone()
        for _ in range(12):
            two = torch.topk(row, 2)
            ids.append(int(two.indices[0]))
            margins.append(float(two.values[0] - two.values[1]))
            out = model(torch.tensor([[ids[-1]]]), past_key_values=cache, use_cache=True)
            cache, row = out.past_key_values, out.logits[0, -1]
        cases.append({
            "prompt": prompt, "best": [[int(i), round(float(v), 6)] for i, v in zip(best.indices, best.values)],
            "log_sum_exp": round(float(torch.logsumexp(logits, 0)), 6), "greedy": ids,
            "smallest_margin": round(min(margins), 6)})
    return cases


def main():
    golden = {}
    for name, tied, quantized in (("qwen2-f32", False, False), ("qwen2-q8", True, True)):
        model = network(tied)
        path = ROOT / "tests" / "tiny" / f"{name}.gguf"
        write(path, model, quantized)
        golden[name] = answers(model)
        print(path, path.stat().st_size, [case["smallest_margin"] for case in golden[name]])
    target = ROOT / "tests" / "golden" / "qwen" / "tiny.json"
    target.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(target, target.stat().st_size)


if __name__ == "__main__":
    main()
