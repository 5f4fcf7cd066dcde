#!/usr/bin/env python3
"""Writes tests/tiny/t5-gguf/*: T5 in GGUF as llama.cpp's converter lays it out, and tests/golden/seq2seq/t5-quantized.json.

The networks `t5`, `t5-gated`, `mt5` and `umt5` are those of tests/tiny/seq2seq (seq2seq_tiny.py has to have run), in 16 or 32
bits: their answers are recorded already. `t5-quantized` has matrices of 4, 5, 6 and 8 bits; transformers computes with the floats
that the gguf package makes of them. `madlad` is a whole small translator, with a vocabulary. `pieces-*` are vocabularies alone,
for which the models and answers are those of sentencepiece_golden.py and seq2seq_tokenizer_golden.py.
Run from the repository's root; needs torch, safetensors, transformers (5.23 was used), sentencepiece and gguf (0.19).
"""
import json
import pathlib
import shutil
import sys

import gguf
import numpy as np
import torch
import transformers
from safetensors.torch import load_file
from sentencepiece import SentencePieceProcessor, sentencepiece_model_pb2
from transformers import GenerationConfig, T5Config, T5ForConditionalGeneration

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import seq2seq_tiny

OUT = pathlib.Path("tests/tiny/t5-gguf")
TYPES = gguf.GGMLQuantizationType
ATTENTION = {"q": "q", "k": "k", "v": "v", "o": "o", "relative_attention_bias": "rel_b"}
DENSE = {"wi": "ffn_up", "wi_0": "ffn_gate", "wi_1": "ffn_up", "wo": "ffn_down"}
KINDS = gguf.TokenType
# In each checkpoint of tests/tiny/seq2seq: the type of its matrices here.
COPIED = {"t5": np.float16, "t5-gated": np.float32, "mt5": np.float16, "umt5": np.float16}


def gguf_name(name):
    """The name that llama.cpp gives a tensor; none for a table of tokens under another name."""
    if name in ("shared.weight", "lm_head.weight"):
        return {"shared.weight": "token_embd.weight", "lm_head.weight": "output.weight"}[name]
    if "embed_tokens" in name:
        return None
    side, rest = name.split(".", 1)
    side = side[:3]
    if rest == "final_layer_norm.weight":
        return f"{side}.output_norm.weight"
    _, layer, _, sublayer, part, *more = rest.split(".")
    prefix = f"{side}.blk.{layer}"
    if part == "layer_norm":
        names = ["attn_norm", "ffn_norm"] if side == "enc" else ["attn_norm", "cross_attn_norm", "ffn_norm"]
        return f"{prefix}.{names[int(sublayer)]}.weight"
    if part == "DenseReluDense":
        return f"{prefix}.{DENSE[more[0]]}.weight"
    return f"{prefix}.{'attn' if part == 'SelfAttention' else 'cross_attn'}_{ATTENTION[more[0]]}.weight"


def add_pieces(writer, path, vocab_size, added):
    """As the converter writes a vocabulary: filled up to the network's, with symbols of its owner's as ordinary pieces."""
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(path.read_bytes())
    pieces = SentencePieceProcessor(model_file=str(path))
    tokens = [f"[PAD{at}]".encode() for at in range(vocab_size)]
    scores, kinds = [-10000.0] * vocab_size, [KINDS.UNUSED] * vocab_size
    for at in range(pieces.get_piece_size()):
        tokens[at], scores[at], kinds[at] = pieces.id_to_piece(at).encode(), pieces.get_score(at), KINDS.NORMAL
        for kind, known in [(KINDS.UNKNOWN, pieces.is_unknown), (KINDS.CONTROL, pieces.is_control),
                            (KINDS.UNUSED, pieces.is_unused), (KINDS.BYTE, pieces.is_byte)]:
            if known(at):
                kinds[at] = kind
                break
    for at, token in added.items():
        tokens[at], scores[at], kinds[at] = token.encode(), -1000.0, KINDS.USER_DEFINED
    writer.add_tokenizer_model("t5")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_add_space_prefix(proto.normalizer_spec.add_dummy_prefix)
    writer.add_remove_extra_whitespaces(proto.normalizer_spec.remove_extra_whitespaces)
    if proto.normalizer_spec.precompiled_charsmap:
        writer.add_precompiled_charsmap(proto.normalizer_spec.precompiled_charsmap)


def add_sizes(writer, config):
    writer.add_name("tiny")
    writer.add_context_length(config.get("n_positions", 512))
    writer.add_embedding_length(config["d_model"])
    writer.add_feed_forward_length(config["d_ff"])
    writer.add_block_count(config["num_layers"])
    writer.add_decoder_block_count(config["num_decoder_layers"])
    writer.add_head_count(config["num_heads"])
    writer.add_key_length(config["d_kv"])
    writer.add_value_length(config["d_kv"])
    writer.add_layer_norm_eps(1e-6)
    writer.add_relative_attn_buckets_count(32)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_decoder_start_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_pad_token_id(0)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def copied(name, kind):
    folder = pathlib.Path("tests/tiny/seq2seq") / name
    writer = gguf.GGUFWriter(OUT / f"{name}.gguf", "t5")
    add_sizes(writer, json.loads((folder / "config.json").read_text()))
    for file in sorted(folder.glob("*.safetensors")):
        for tensor, value in load_file(file).items():
            is_matrix = value.dim() > 1 and "relative_attention_bias" not in tensor
            target = gguf_name(tensor)
            if target:
                writer.add_tensor(target, value.float().numpy().astype(kind if is_matrix else np.float32))
    finish(writer)


def random_blocks(shape, kind, deviation, draw):
    """Blocks of 256 weights of that deviation, as bytes: centred, with scales that vary."""
    count = shape[0] * shape[1] // 256
    half = lambda value: np.full((count, 1), value, np.float16).view(np.uint8).reshape(count, 2)
    noise = lambda width: draw.integers(0, 256, (count, width), np.uint8)
    if kind == TYPES.Q6_K:
        scales = draw.integers(20, 40, (count, 16)).astype(np.int8) * draw.choice([-1, 1], (count, 16)).astype(np.int8)
        return np.concatenate([noise(128), noise(64), scales.view(np.uint8), half(deviation / (30 * 18.5))], 1)
    # Scale and minimum of a sub-block are equal, so that the middle of its levels is 0.
    levels = 16 if kind == TYPES.Q4_K else 32
    step = deviation / (44 * levels / 12 ** 0.5)
    s = draw.integers(28, 60, (count, 8)).astype(np.uint8)
    low = (s[:, :4] | ((s[:, 4:] >> 4) << 6)).astype(np.uint8)
    scales = np.concatenate([low, low, (s[:, 4:] & 15) | ((s[:, 4:] & 15) << 4)], 1).astype(np.uint8)
    bits = [noise(32)] if kind == TYPES.Q5_K else []
    return np.concatenate([half(step), half(step * (levels - 1) / 2), scales, *bits, noise(128)], 1)


def blocks_of(name, value, draw):
    """Type, bytes and floats of a matrix: a type that its rows allow, another one for each kind of matrix."""
    rows, width = value.shape
    if width % 256:
        kind = TYPES.Q8_0
        data = gguf.quantize(value, kind)
    else:
        kind = TYPES.Q6_K if name in ("token_embd.weight", "output.weight") else (
            TYPES.Q5_K if "attn_v" in name or "ffn_down" in name else TYPES.Q4_K)
        data = random_blocks((rows, width), kind, float(value.std()), draw).reshape(rows, -1)
    return kind, data, gguf.dequantize(data, kind).astype(np.float32).reshape(rows, width)


@torch.no_grad()
def quantized_model(fields, generation, seed):
    draw = np.random.default_rng(seed)
    model = seq2seq_tiny.drawn(T5ForConditionalGeneration, T5Config, fields, torch.float16, seed)
    model.generation_config = GenerationConfig(**generation)
    kept = {}
    for tensor, value in model.named_parameters():
        name = gguf_name(tensor)
        if name is None or name in kept:
            continue
        if value.dim() == 1 or "rel_b" in name:
            kept[name] = (None, value.numpy().copy(), None)
        else:
            kept[name] = blocks_of(name, value.numpy(), draw)
            value.copy_(torch.from_numpy(kept[name][2]))
    return model, kept


def write_kept(writer, kept):
    for name, (kind, data, _) in kept.items():
        writer.add_tensor(name, np.ascontiguousarray(data), raw_dtype=kind)
    finish(writer)


def quantized():
    fields = dict(vocab_size=96, d_model=256, d_kv=16, d_ff=32, num_layers=1, num_decoder_layers=1, num_heads=2, dropout_rate=0.0,
                  feed_forward_proj="gated-gelu", tie_word_embeddings=False)
    generation = dict(pad_token_id=0, eos_token_id=1, decoder_start_token_id=0, max_length=90, min_length=74, num_beams=4)
    made = [quantized_model(fields, generation, 7000 + draw) for draw in range(6)]
    model, kept = max(made, key=lambda made: seq2seq_tiny.variety(made[0], 1))
    writer = gguf.GGUFWriter(OUT / "t5-quantized.gguf", "t5")
    add_sizes(writer, fields)
    write_kept(writer, kept)
    seq2seq_tiny.record(model, "t5-quantized", ["t5-quantized.gguf"], 1)


def madlad():
    path = pathlib.Path("tests/tiny/tokenizers/madlad.model")
    size = SentencePieceProcessor(model_file=str(path)).get_piece_size()
    fields = dict(vocab_size=size + 6, d_model=32, d_kv=16, d_ff=32, num_layers=1, num_decoder_layers=1, num_heads=2,
                  dropout_rate=0.0, feed_forward_proj="gated-gelu", tie_word_embeddings=False)
    _, kept = quantized_model(fields, dict(pad_token_id=0, eos_token_id=1, decoder_start_token_id=0), 7100)
    writer = gguf.GGUFWriter(OUT / "madlad.gguf", "t5")
    add_sizes(writer, fields)
    add_pieces(writer, path, fields["vocab_size"], {})
    write_kept(writer, kept)


def vocabularies():
    tiny = pathlib.Path("tests/tiny")
    for name, path, more in [("t5", tiny / "tokenizers/t5.model", 120), ("madlad", tiny / "tokenizers/madlad.model", 0),
                             ("spm-unigram", tiny / "spm-unigram/model.spm", 3), ("spm-bytes", tiny / "spm-bytes/model.spm", 0),
                             ("spm-symbols", tiny / "spm-symbols/model.spm", 0)]:
        size = SentencePieceProcessor(model_file=str(path)).get_piece_size()
        added = {size + 3 + at: f"<extra_id_{at}>" for at in range(100)} if name == "t5" else {}
        writer = gguf.GGUFWriter(OUT / f"pieces-{name}.gguf", "t5")
        add_pieces(writer, path, size + more, added)
        writer.add_tensor("token_embd.weight", np.zeros((1, 1), np.float32))
        finish(writer)


def main():
    torch.set_num_threads(1)
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    for name, kind in COPIED.items():
        copied(name, kind)
    vocabularies()
    madlad()
    quantized()
    print(transformers.__version__, {file.name: file.stat().st_size for file in sorted(OUT.iterdir())})


main()
