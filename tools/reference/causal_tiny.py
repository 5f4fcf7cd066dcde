#!/usr/bin/env python3
"""Writes tests/tiny/causal/NAME (safetensors with config.json, and model.gguf) and tests/golden/causal/NAME.json: small
random networks of the causal families and what transformers answers with them in f32: logits of every step of a greedy
answer, greedy and beam-4 ids, for 20 prompts of unequal length. Needs torch, transformers, safetensors and gguf.
Usage: causal_tiny.py [NAME...]"""
import json
import math
import shutil
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from transformers import (Gemma2Config, Gemma2ForCausalLM, Gemma3ForCausalLM, Gemma3TextConfig, HunYuanDenseV1Config, HunYuanDenseV1ForCausalLM,
                          LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM)

ROOT = Path(__file__).resolve().parents[2]
VOCAB = 150
EOS = 1
STEPS = 8
TOP = 4
LENGTHS = [5, 1, 40, 17, 2, 33, 64, 9, 3, 12, 50, 7, 21, 4, 28, 15, 6, 46, 11, 24]
SIZES = dict(vocab_size=VOCAB, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, head_dim=16, max_position_embeddings=512, rms_norm_eps=1e-5,
             bos_token_id=0, eos_token_id=EOS, pad_token_id=0, attn_implementation="eager")
LLAMA3 = dict(rope_type="llama3", rope_theta=10_000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=64)


def rope(**fields):
    return dict(rope_parameters=fields)


# Name: network, configuration, element type of the safetensors, number of shards.
SHAPES = {
    "llama-tied": (LlamaForCausalLM, LlamaConfig(**{
        **SIZES, "head_dim": 8, "tie_word_embeddings": True, "attention_bias": True,
        **rope(rope_type="default", rope_theta=10_000.0)}), torch.float32, 1),
    "llama-scaled": (LlamaForCausalLM, LlamaConfig(**{**SIZES, "tie_word_embeddings": False, **rope(**LLAMA3)}),
                     torch.bfloat16, 2),
    "qwen2-windows": (Qwen2ForCausalLM, Qwen2Config(**{
        **{k: v for k, v in SIZES.items() if k != "head_dim"}, "tie_word_embeddings": False, "use_sliding_window": True,
        "sliding_window": 6, "max_window_layers": 1, **rope(rope_type="default", rope_theta=1_000_000.0)}),
        torch.float16, 1),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config(**{
        **SIZES, "tie_word_embeddings": True, **rope(rope_type="default", rope_theta=1_000_000.0)}), torch.bfloat16, 1),
    "gemma3": (Gemma3ForCausalLM, Gemma3TextConfig(**{
        **SIZES, "num_hidden_layers": 3, "sliding_window": 7, "query_pre_attn_scalar": 24,
        "layer_types": ["sliding_attention", "sliding_attention", "full_attention"],
        **rope(full_attention=dict(rope_type="linear", factor=8.0, rope_theta=1_000_000.0),
               sliding_attention=dict(rope_type="default", rope_theta=10_000.0))}), torch.bfloat16, 1),
    "hunyuan": (HunYuanDenseV1ForCausalLM, HunYuanDenseV1Config(**{
        **SIZES, "tie_word_embeddings": True,
        **rope(rope_type="dynamic", rope_theta=10_000.0, alpha=1000.0, factor=1.0)}), torch.bfloat16, 1),
    # Caps that scores and logits of such a network reach.
    "gemma2": (Gemma2ForCausalLM, Gemma2Config(**{
        **SIZES, "num_hidden_layers": 3, "sliding_window": 7, "query_pre_attn_scalar": 16, "attn_logit_softcapping": 2.0,
        "final_logit_softcapping": 3.0, **rope(rope_type="default", rope_theta=10_000.0)}), torch.bfloat16, 1),
    "llama-yarn": (LlamaForCausalLM, LlamaConfig(**{**SIZES, "tie_word_embeddings": True, **rope(
        rope_type="yarn", rope_theta=10_000.0, factor=8.0, original_max_position_embeddings=16)}), torch.bfloat16, 1),
    "qwen3-yarn": (Qwen3ForCausalLM, Qwen3Config(**{**SIZES, "tie_word_embeddings": True, **rope(
        rope_type="yarn", rope_theta=1_000_000.0, factor=4.0, original_max_position_embeddings=24, beta_fast=3.0, beta_slow=0.25,
        mscale=1.5, mscale_all_dim=0.5, truncate=False)}), torch.bfloat16, 1),
    "qwen2-yarn": (Qwen2ForCausalLM, Qwen2Config(**{
        **{k: v for k, v in SIZES.items() if k != "head_dim"}, "tie_word_embeddings": True, **rope(
            rope_type="yarn", rope_theta=10_000.0, factor=4.0, original_max_position_embeddings=16, attention_factor=0.8,
            beta_fast=4.0, beta_slow=0.5)}), torch.bfloat16, 1),
}
# llama.cpp's name of each architecture; without one there is no GGUF file.
GGUF = {"llama-tied": "llama", "llama-scaled": "llama", "qwen3": "qwen3", "gemma3": "gemma3",
        "hunyuan": "hunyuan-dense", "gemma2": "gemma2", "llama-yarn": "llama"}
PARTS = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "self_attn.query_layernorm": "attn_q_norm", "self_attn.key_layernorm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
}
OUTER = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
         "lm_head.weight": "output.weight"}


def gguf_name(name, family):
    if name in OUTER:
        return OUTER[name]
    _, _, layer, rest = name.split(".", 3)
    stem, kind = rest.rsplit(".", 1)
    norms = {"post_attention_layernorm": "ffn_norm"}
    if family in ("gemma2", "gemma3"):
        norms = {"post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
                 "post_feedforward_layernorm": "post_ffw_norm"}
    return f"blk.{layer}.{ {**PARTS, **norms}[stem]}.{kind}"


def drawn(network, config, dtype, seed):
    model = network(config).float().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name:
                shift = 0 if config.model_type in ("gemma2", "gemma3_text") else 1
                value = shift + 0.3 * noise
            elif "bias" in name:
                value = 0.3 * noise
            elif "embed" in name:
                value = (0.12 if config.model_type in ("gemma2", "gemma3_text") else 0.6) * noise
            else:
                value = (2.5 if "q_proj" in name or "k_proj" in name else 1.3) * noise / parameter.shape[1] ** 0.5
            # What the checkpoint holds is what the reference computes with.
            parameter.copy_(value.to(dtype).float())
    return model


def write_safetensors(folder, model, dtype, shards):
    state = {name: value.to(dtype).contiguous().clone() for name, value in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        state.pop("lm_head.weight", None)
    names = sorted(state)
    if shards == 1:
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    else:
        place = {}
        for shard in range(shards):
            file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
            part = {name: state[name] for name in names[shard::shards]}
            save_file(part, folder / file, metadata={"format": "pt"})
            place.update(dict.fromkeys(part, file))
        index = {"metadata": {}, "weight_map": place}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=0) + "\n")
    config = json.loads(model.config.to_json_string(use_diff=False))
    used = json.loads(model.config.to_json_string())
    wanted = {key: value for key, value in config.items() if key in used or key in SIZES}
    wanted["architectures"] = [type(model).__name__]
    (folder / "config.json").write_text(json.dumps(wanted, indent=1) + "\n")


def permuted(data, heads):
    """The order in which llama.cpp keeps the rows of queries and keys."""
    return data.reshape(heads, 2, data.shape[0] // heads // 2, *data.shape[1:]).swapaxes(1, 2).reshape(data.shape)


def divisors(config):
    p = config.rope_parameters
    low, high = (p["original_max_position_embeddings"] / p[f"{which}_freq_factor"] for which in ("low", "high"))
    factors = []
    for i in range(0, config.head_dim, 2):
        wavelength = 2 * math.pi * p["rope_theta"] ** (i / config.head_dim)
        if wavelength < high:
            factors.append(1.0)
        elif wavelength > low:
            factors.append(p["factor"])
        else:
            smooth = (p["original_max_position_embeddings"] / wavelength - p["low_freq_factor"]) / (
                p["high_freq_factor"] - p["low_freq_factor"])
            factors.append(1 / ((1 - smooth) / p["factor"] + smooth))
    return np.array(factors, dtype=np.float32)


def write_gguf(path, model, family):
    writer = gguf.GGUFWriter(path, family)
    config = model.config
    writer.add_name("tiny")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    parameters = config.rope_parameters
    if family == "gemma3":
        writer.add_rope_freq_base(parameters["full_attention"]["rope_theta"])
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(parameters["full_attention"]["factor"])
        writer.add_sliding_window(config.sliding_window)
        # Beyond what the converter writes: a pattern and a query scale other than those of the published sizes.
        writer.add_uint32("gemma3.attention.sliding_window_pattern", 3)
        writer.add_float32("gemma3.attention.scale", config.query_pre_attn_scalar ** -0.5)
    elif family == "gemma2":
        # As many layers as no published size has: the scale of queries is that of the head size, as the files' readers know it.
        writer.add_rope_freq_base(parameters["rope_theta"])
        writer.add_sliding_window(config.sliding_window)
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    elif parameters["rope_type"] == "yarn":
        writer.add_rope_freq_base(parameters["rope_theta"])
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(parameters["factor"])
        writer.add_rope_scaling_orig_ctx_len(parameters["original_max_position_embeddings"])
    elif family == "hunyuan-dense":
        dim = config.head_dim
        writer.add_rope_freq_base(parameters["rope_theta"] * parameters["alpha"] ** (dim / (dim - 2)))
        writer.add_rope_scaling_type(gguf.RopeScalingType.NONE)
        writer.add_rope_scaling_factor(1)
    else:
        writer.add_rope_freq_base(parameters["rope_theta"])
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"t{i}" for i in range(VOCAB)])
    writer.add_token_types([gguf.TokenType.NORMAL] * VOCAB)
    writer.add_eos_token_id(EOS)
    if parameters.get("rope_type") == "llama3":
        writer.add_tensor("rope_freqs.weight", divisors(config))
    for name, parameter in model.named_parameters():
        data = parameter.detach().numpy().astype(np.float32)
        if family == "llama" and ("q_proj" in name or "k_proj" in name):
            data = permuted(data, config.num_attention_heads if "q_proj" in name else config.num_key_value_heads)
        if family in ("gemma2", "gemma3") and "norm" in name:
            data = data + 1
        writer.add_tensor(gguf_name(name, family), np.ascontiguousarray(data))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


TEMPLATE = ("{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + "
            "'<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
            "{% if enable_thinking is defined and not enable_thinking %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}{% endif %}")
LINES = ["The ferry was late.", "the end", " two  spaces ", "a\nb\n\nc", "x<|im_end|>y", "1987!", "«паром»", ""]


def write_tokenizer(folder):
    """A tokenizer of pieces with a space mark, as checkpoints with tokenizer.json have them; and what it answers."""
    from tokenizers import Tokenizer
    vocabulary = {word: i for i, word in enumerate(["<unk>", "</s>", "<s>", "<|im_start|>", "<|im_end|>", "<think>", "</think>", "\n", "▁"])}
    for code in range(33, 127):
        vocabulary[chr(code)] = len(vocabulary)
    merges = ["t h", "th e", "▁ the", "e n", "en d", "▁ end", "e r", "▁ a", "i n", "o n", "T h", "Th e", "▁ The"]
    for merge in merges:
        vocabulary[merge.replace(" ", "")] = len(vocabulary)
    special = [(word, vocabulary[word]) for word in ("<unk>", "</s>", "<s>", "<|im_start|>", "<|im_end|>")]
    added = [dict(id=i, content=word, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
             for word, i in special]
    added += [dict(added[0], id=vocabulary[word], content=word, special=False) for word in ("<think>", "</think>")]
    space = dict(replacement="▁", prepend_scheme="first", split=False)
    made = dict(version="1.0", truncation=None, padding=None, added_tokens=added, normalizer=None,
                pre_tokenizer=dict(type="Metaspace", **space), post_processor=None,
                decoder=dict(type="Metaspace", **space),
                model=dict(type="BPE", dropout=None, unk_token="<unk>", continuing_subword_prefix=None,
                           end_of_word_suffix=None, fuse_unk=True, byte_fallback=False, ignore_merges=False,
                           vocab=vocabulary, merges=[merge.split(" ") for merge in merges]))
    (folder / "tokenizer.json").write_text(json.dumps(made, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    settings = dict(tokenizer_class="PreTrainedTokenizerFast", bos_token="<s>", eos_token="<|im_end|>", unk_token="<unk>",
                    chat_template=TEMPLATE)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n")
    from transformers import PreTrainedTokenizerFast
    reader = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), bos_token="<s>", eos_token="<|im_end|>")
    chats = []
    for text in LINES[:2]:
        rendered = reader.apply_chat_template(
            [{"role": "system", "content": "Translate."}, {"role": "user", "content": f"To Ukrainian:\n\n{text}"}],
            chat_template=TEMPLATE, add_generation_prompt=True, enable_thinking=False, tokenize=False)
        chats.append({"text": rendered, "ids": reader(rendered, add_special_tokens=False)["input_ids"]})
    plain = Tokenizer.from_file(str(folder / "tokenizer.json"))
    cases = [{"text": line, "ids": plain.encode(line, add_special_tokens=False).ids} for line in LINES]
    golden = {"reference": f"transformers {transformers.__version__}", "markup": cases, "chats": chats}
    (ROOT / "tests/golden/causal/tokenizer.json").write_text(json.dumps(golden, ensure_ascii=True) + "\n")


@torch.no_grad()
def answer(model, prompt):
    ids, steps, margin = [], [], 1e9
    for _ in range(STEPS):
        logits = model(torch.tensor([prompt + ids])).logits[0, -1]
        best = torch.topk(logits, TOP)
        margin = min(margin, float(best.values[0] - best.values[1]))
        steps.append({"best": [[int(i), round(float(v), 5)] for i, v in zip(best.indices, best.values)],
                      "log_sum_exp": round(float(torch.logsumexp(logits, 0)), 5)})
        ids.append(int(best.indices[0]))
    return ids, steps, margin


@torch.no_grad()
def beams(model, prompt):
    out = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
                         num_beams=4, do_sample=False, max_new_tokens=STEPS, length_penalty=1.0, early_stopping=False)
    ids = out[0].tolist()[len(prompt):]
    return ids[:ids.index(EOS)] if EOS in ids else ids


def main():
    torch.set_num_threads(1)
    prompts = [[(i * i * 31 + 17 * i + 7 * length) % (VOCAB - 2) + 2 for i in range(length)] for length in LENGTHS]
    (ROOT / "tests/golden/causal").mkdir(parents=True, exist_ok=True)
    for number, (name, (network, config, dtype, shards)) in enumerate(SHAPES.items()):
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        best = None
        # Random networks like to repeat themselves: of several draws with clear decisions, the one that varies most.
        for draw in range(6):
            model = drawn(network, config, dtype, 100 * number + draw)
            answers = [answer(model, prompt) for prompt in prompts]
            margin = min(margin for _, _, margin in answers)
            variety = sum(len(set(ids)) for ids, _, _ in answers)
            if best is None or (margin > 1e-3, variety, margin) > (best[0] > 1e-3, best[1], best[0]):
                best = (margin, variety, model, answers)
        margin, variety, model, answers = best
        folder = ROOT / "tests/tiny/causal" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_safetensors(folder, model, dtype, shards)
        if name in GGUF:
            write_gguf(folder / "model.gguf", model, GGUF[name])
        if name == "qwen3":
            write_tokenizer(folder)
        cases = [{"prompt": prompt, "greedy": ids, "steps": steps, "beam4": beams(model, prompt)}
                 for prompt, (ids, steps, _) in zip(prompts, answers)]
        golden = {"reference": f"transformers {transformers.__version__}", "cases": cases}
        target = ROOT / "tests/golden/causal" / f"{name}.json"
        target.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
        print(name, sum(f.stat().st_size for f in folder.iterdir()), target.stat().st_size, margin, variety, flush=True)


if __name__ == "__main__":
    main()
