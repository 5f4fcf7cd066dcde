#!/usr/bin/env python3
"""Writes tests/tiny/marian-* and tests/golden/marian/*.json: small random Marian checkpoints of every layout, and what
transformers answers on them. Run from the repository's root; needs torch and transformers (5.23 was used).

The weights are drawn wide enough that answers vary with the source and the best tokens do not tie.
"""
import json
import pathlib
import shutil

import torch
from transformers import MarianConfig, MarianMTModel

SHAPES = {
    # name: (config fields, layout, dtype)
    "marian-base-legacy": (dict(activation_function="swish", scale_embedding=True), "legacy", torch.float32),
    "marian-base-zip": (dict(activation_function="swish", scale_embedding=True), "zip", torch.float32),
    "marian-big-safetensors": (
        dict(activation_function="relu", scale_embedding=True, d_model=48, encoder_attention_heads=3,
             decoder_attention_heads=4, encoder_ffn_dim=80, decoder_ffn_dim=72, decoder_layers=1),
        "safetensors", torch.float16),
    "marian-two-vocabularies": (
        dict(activation_function="gelu", scale_embedding=False, share_encoder_decoder_embeddings=False,
             vocab_size=90, decoder_vocab_size=70, pad_token_id=69, decoder_start_token_id=69),
        "shards", torch.float32),
}
BASE = dict(
    vocab_size=96, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
    decoder_attention_heads=4, encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=40,
    pad_token_id=95, decoder_start_token_id=95, eos_token_id=0, forced_eos_token_id=0, bos_token_id=0,
    static_position_embeddings=True, normalize_before=False, normalize_embedding=False, add_final_layer_norm=False,
)
SOURCES = [
    [5, 17, 33, 0], [1, 2, 3, 4, 5, 6, 7, 8, 9, 0], [60, 0], [44, 44, 44, 12, 31, 8, 0],
    [23, 61, 7, 50, 2, 19, 40, 55, 13, 37, 29, 66, 10, 68, 3, 21, 0], [9, 58, 0], [0], [30, 20, 10, 64, 0],
]


def tensors(model):
    """The state with every tied name, as torch.save of old wrote it."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def write(folder, model, layout, dtype):
    state = {name: value.to(dtype) for name, value in tensors(model).items()}
    if layout in ("legacy", "zip"):
        # One storage for the shared table, as the original files have it.
        shared = state["model.shared.weight"]
        for name in ("model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight", "lm_head.weight"):
            state[name] = shared
        # A transposed view, which the reader has to bring into order.
        name = "model.decoder.layers.0.fc1.weight"
        state[name] = state[name].t().contiguous().t()
        torch.save(state, folder / "pytorch_model.bin", _use_new_zipfile_serialization=layout == "zip")
        return ["pytorch_model.bin"]
    from safetensors.torch import save_file
    for name in ("lm_head.weight", "model.encoder.embed_positions.weight", "model.decoder.embed_positions.weight"):
        state.pop(name, None)
    if model.config.share_encoder_decoder_embeddings:
        state.pop("model.encoder.embed_tokens.weight", None)
        state.pop("model.decoder.embed_tokens.weight", None)
    if layout == "safetensors":
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
        return ["model.safetensors"]
    names = sorted(state)
    halves = [names[: len(names) // 2], names[len(names) // 2:]]
    files = []
    for i, half in enumerate(halves):
        files.append(f"model-{i + 1:05}-of-00002.safetensors")
        save_file({name: state[name] for name in half}, folder / files[-1], metadata={"format": "pt"})
    return files


def drawn(config, dtype, seed):
    torch.manual_seed(seed)
    model = MarianMTModel(config).eval()
    with torch.no_grad():
        for key, value in model.named_parameters():
            if "embed_positions" in key:
                continue
            if "norm" in key:
                # Signs that vary, or a tied output would answer its own input again and again.
                value.normal_(0, 1.0 if key.endswith("weight") else 0.1)
            elif value.dim() == 1:
                value.normal_(0, 0.3)
            elif "embed_tokens" in key or "shared" in key:
                # About as large as the positions.
                value.normal_(0, 0.8 / (config.d_model ** 0.5 if config.scale_embedding else 1.0))
            else:
                value.normal_(0, (3.0 if "q_proj" in key or "k_proj" in key else 1.6) / value.shape[1] ** 0.5)
        last = model.model.decoder.layers[-1].final_layer_norm
        last.weight.mul_(4.0 if config.scale_embedding else 0.7)
        last.bias.zero_()
        model.final_logits_bias.normal_(0, 0.3)
        model.final_logits_bias[0, 0] += 2.5
        kept = [value for key, value in model.named_parameters() if "embed_positions" not in key]
        for value in [*kept, model.final_logits_bias]:
            value.copy_(value.to(dtype).float())
        model.tie_weights()
    return model


def variety(model):
    seen = set()
    for source in SOURCES[:5]:
        ids = [model.config.decoder_start_token_id]
        memory = model.get_encoder()(torch.tensor([[i % (model.config.vocab_size - 1) for i in source]]))
        for _ in range(12):
            logits = model(encoder_outputs=memory, decoder_input_ids=torch.tensor([ids])).logits[0, -1]
            logits[model.config.pad_token_id] = float("-inf")
            ids.append(int(logits.argmax()))
            if ids[-1] == 0:
                break
        seen |= set(zip(ids, ids[1:]))
    return len(seen)


@torch.no_grad()
def search(model, source, beams):
    out = model.generate(
        torch.tensor([source]), num_beams=beams, do_sample=False, max_length=model.generation_config.max_length,
        return_dict_in_generate=True, output_scores=True)
    ids = out.sequences[0].tolist()
    if beams > 1:
        return ids, float(out.sequences_scores[0])
    scores = model.compute_transition_scores(out.sequences, out.scores, normalize_logits=False)
    return ids, float(scores[0].sum())


def main():
    torch.set_num_threads(1)
    for seed, (name, (fields, layout, dtype)) in enumerate(SHAPES.items()):
        folder = pathlib.Path("tests/tiny") / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        config = MarianConfig(**{**BASE, **fields})
        # Random networks like to repeat themselves: of several, take the one whose answers vary most.
        model = max((drawn(config, dtype, 100 * seed + draw) for draw in range(12)), key=torch.no_grad()(variety))
        files = write(folder, model, layout, dtype)
        generation = dict(
            bad_words_ids=[[config.pad_token_id]], bos_token_id=0, decoder_start_token_id=config.decoder_start_token_id,
            eos_token_id=0, forced_eos_token_id=0, max_length=24, num_beams=4, pad_token_id=config.pad_token_id,
            renormalize_logits=True)
        (folder / "generation_config.json").write_text(json.dumps(generation, indent=1) + "\n")
        wanted = {**BASE, **fields, "model_type": "marian", "architectures": ["MarianMTModel"], "num_beams": 4,
                  "max_length": 24, "is_encoder_decoder": True, "add_bias_logits": False}
        (folder / "config.json").write_text(json.dumps(wanted, indent=1) + "\n")
        # transformers' own loader does not read every layout: the weights in memory are the reference.
        from transformers import GenerationConfig
        model.generation_config = GenerationConfig(**generation)
        cases = []
        for source in SOURCES:
            source = [i % (config.vocab_size - 1) for i in source]
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([source]),
                               decoder_input_ids=torch.tensor([[config.decoder_start_token_id]])).logits[0, -1]
                greedy, greedy_score = search(model, source, 1)
                beam, beam_score = search(model, source, 4)
            cases.append(dict(source=source, first_logits=[round(x, 5) for x in logits.tolist()], greedy=greedy,
                              greedy_log_probability=round(greedy_score, 5), beam4=beam, beam4_score=round(beam_score, 5)))
        import transformers
        golden = dict(reference=f"transformers {transformers.__version__}", tiny=name, files=files, cases=cases)
        path = pathlib.Path("tests/golden/marian") / f"{name}.json"
        path.write_text(json.dumps(golden) + "\n")
        print(name, sum(f.stat().st_size for f in folder.iterdir()), path.stat().st_size)
        for case in cases:
            print("  ", case["greedy"], case["beam4"], case["beam4_score"])


main()
