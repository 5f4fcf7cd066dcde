#!/usr/bin/env python3
"""Writes tests/tiny/seq2seq/NAME and tests/golden/seq2seq/NAME.json: small random checkpoints of BART, mBART, PEGASUS, M2M100,
NLLB, SMaLL-100, T5 (1.0 and 1.1), mT5 and UMT5, and what transformers answers on them: the encoder's output, logits of some
steps, greedy and beam-4 ids for 20 sources of unequal length. Run from the repository's root; needs torch, safetensors and
transformers (5.23 was used). Names on the command line choose some of them.

The weights are drawn wide enough that answers vary with the source and the best tokens do not tie. Weights are kept in f16
(bf16 for one), so that the files are small; the reference computes in f32 with what was rounded.
"""
import json
import pathlib
import random
import shutil
import sys

import torch
import transformers
from safetensors.torch import save_file
from transformers import (BartConfig, BartForConditionalGeneration, GenerationConfig, M2M100Config,
                          M2M100ForConditionalGeneration, MBartConfig, MBartForConditionalGeneration, MT5Config,
                          MT5ForConditionalGeneration, PegasusConfig, PegasusForConditionalGeneration, T5Config,
                          T5ForConditionalGeneration, UMT5Config, UMT5ForConditionalGeneration)

VOCAB = 96
FAIRSEQ = dict(
    vocab_size=VOCAB, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4,
    encoder_ffn_dim=48, decoder_ffn_dim=48, max_position_embeddings=64, dropout=0.0)
T5 = dict(vocab_size=VOCAB, d_model=32, d_kv=12, d_ff=40, num_layers=2, num_decoder_layers=2, num_heads=3, dropout_rate=0.0)
BARTS = dict(pad_token_id=1, bos_token_id=0, eos_token_id=2)

# name: (model, config, fields, generation, written form). A random M2M100 may answer its padding token, which has no position of
# its own there: it is banned.
CHECKPOINTS = {
    "bart": (BartForConditionalGeneration, BartConfig,
             dict(FAIRSEQ, **BARTS, activation_function="gelu", scale_embedding=False),
             dict(BARTS, decoder_start_token_id=2, forced_bos_token_id=0, forced_eos_token_id=2, max_length=24, min_length=9,
                  no_repeat_ngram_size=3, length_penalty=2.0, early_stopping=True), "safetensors"),
    # Layers and heads as they differ between the sides, and scaled embeddings.
    "bart-uneven": (BartForConditionalGeneration, BartConfig,
                    dict(FAIRSEQ, **BARTS, activation_function="relu", scale_embedding=True, decoder_layers=1,
                         decoder_attention_heads=2, decoder_ffn_dim=56),
                    dict(BARTS, decoder_start_token_id=2, forced_eos_token_id=2, max_length=24), "zip"),
    "mbart": (MBartForConditionalGeneration, MBartConfig,
              dict(FAIRSEQ, **BARTS, activation_function="relu", scale_embedding=True),
              dict(BARTS, decoder_start_token_id=2, forced_bos_token_id=90, forced_eos_token_id=2, max_length=24), "shards"),
    "pegasus": (PegasusForConditionalGeneration, PegasusConfig,
                dict(FAIRSEQ, activation_function="relu", scale_embedding=True, pad_token_id=0, eos_token_id=1, bos_token_id=None),
                dict(pad_token_id=0, eos_token_id=1, decoder_start_token_id=0, forced_eos_token_id=1, max_length=24,
                     length_penalty=0.8), "safetensors"),
    "m2m100": (M2M100ForConditionalGeneration, M2M100Config,
               dict(FAIRSEQ, **BARTS, activation_function="relu", scale_embedding=True),
               dict(BARTS, decoder_start_token_id=2, forced_bos_token_id=91, max_length=24, early_stopping=True, bad_words_ids=[[1]]), "bf16"),
    "nllb": (M2M100ForConditionalGeneration, M2M100Config,
             dict(FAIRSEQ, **BARTS, activation_function="relu", scale_embedding=True, d_model=40),
             dict(BARTS, decoder_start_token_id=2, forced_bos_token_id=93, max_length=24, bad_words_ids=[[1]]), "safetensors"),
    "small100": (M2M100ForConditionalGeneration, M2M100Config,
                 dict(FAIRSEQ, **BARTS, activation_function="relu", scale_embedding=True, decoder_layers=1),
                 dict(BARTS, decoder_start_token_id=2, max_length=24, bad_words_ids=[[1]]), "safetensors"),
    "t5": (T5ForConditionalGeneration, T5Config, dict(T5, feed_forward_proj="relu", tie_word_embeddings=True),
           dict(pad_token_id=0, eos_token_id=1, decoder_start_token_id=0, max_length=90, min_length=74), "safetensors"),
    "t5-gated": (T5ForConditionalGeneration, T5Config,
                 dict(T5, feed_forward_proj="gated-gelu", tie_word_embeddings=False, num_decoder_layers=1),
                 dict(pad_token_id=0, eos_token_id=1, decoder_start_token_id=0, max_length=90, min_length=74), "shards"),
    "mt5": (MT5ForConditionalGeneration, MT5Config, dict(T5, feed_forward_proj="gated-gelu", tie_word_embeddings=False, d_kv=8),
            dict(pad_token_id=0, eos_token_id=1, decoder_start_token_id=0, max_length=90, min_length=74), "bf16"),
    "umt5": (UMT5ForConditionalGeneration, UMT5Config,
             dict(T5, feed_forward_proj="gated-gelu", tie_word_embeddings=False),
             dict(pad_token_id=0, eos_token_id=1, decoder_start_token_id=0, max_length=90, min_length=74), "safetensors"),
}


def sources(eos):
    """Twenty sources of unequal length, from one token to 48, the same for all checkpoints but for their end."""
    draw = random.Random(7)
    lengths = [1, 2, 3, 48, 5, 6, 17, 8, 9, 33, 4, 12, 2, 14, 27, 7, 3, 21, 40, 10]
    return [[draw.randrange(4, 88) for _ in range(length - 1)] + [eos] for length in lengths]


def drawn(kind, config, fields, dtype, seed):
    torch.manual_seed(seed)
    model = kind(config(**fields)).eval()
    is_t5 = "d_kv" in fields
    tied = fields.get("tie_word_embeddings", True)
    if not tied:
        # transformers 5 ties the output of all of this kind in memory whatever the file says.
        model.lm_head.weight = torch.nn.Parameter(torch.empty_like(model.lm_head.weight))
        model.config.tie_word_embeddings = False
    pegasus = model.config.model_type == "pegasus"
    seen = set()
    with torch.no_grad():
        for key, value in model.named_parameters():
            if value.data_ptr() in seen:
                continue
            seen.add(value.data_ptr())
            if "embed_positions" in key and pegasus:
                continue
            if "relative_attention_bias" in key:
                value.normal_(0, 1.5)
            elif "norm" in key:
                # Signs that vary, or a tied output would answer its own input again and again.
                value.normal_(0, 1.0 if key.endswith("weight") else 0.1)
            elif value.dim() == 1:
                value.normal_(0, 0.3)
            elif "lm_head" in key:
                value.normal_(0, 0.8)
            elif "embed_positions" in key:
                value.normal_(0, 0.7)
            elif "embed_tokens" in key or "shared" in key:
                value.normal_(0, 0.8 / (fields["d_model"] ** 0.5 if fields.get("scale_embedding") else 1.0))
            elif is_t5:
                wide = ".q." in key or ".k." in key
                value.normal_(0, (0.8 if wide else 1.4) / value.shape[1] ** 0.5)
            else:
                value.normal_(0, (3.0 if "q_proj" in key or "k_proj" in key else 1.6) / value.shape[1] ** 0.5)
        if is_t5:
            model.decoder.final_layer_norm.weight.mul_(3.0 * (fields["d_model"] ** 0.5 if tied else 0.4))
        elif model.config.model_type == "bart":
            last = model.model.decoder.layers[-1].final_layer_norm
            last.weight.mul_(4.0 if fields["scale_embedding"] else 0.7)
            last.bias.zero_()
        else:
            model.model.decoder.layer_norm.weight.mul_(4.0 if fields["scale_embedding"] else 0.7)
            model.model.decoder.layer_norm.bias.zero_()
        if hasattr(model, "final_logits_bias"):
            model.final_logits_bias.normal_(0, 0.3)
            model.final_logits_bias[0, fields["eos_token_id"]] += 7.0 if model.config.model_type == "bart" else 3.5
        elif not is_t5:
            # The same without a bias: the last norm shifts towards the vector of the end token.
            end = model.model.shared.weight[fields["eos_token_id"]]
            model.model.decoder.layer_norm.bias.copy_(3.0 * end / end.square().sum())
        # Positions that are computed are not rounded: files lack them.
        computed = [value for key, value in model.named_parameters() if "embed_positions" not in key or not pegasus]
        for value in [*computed, *([model.final_logits_bias] if hasattr(model, "final_logits_bias") else [])]:
            value.copy_(value.to(dtype).float())
    return model


def write(folder, model, fields, form, dtype):
    state = {name: value.detach().clone().to(dtype) for name, value in model.state_dict().items()}
    shared = "shared.weight" if "shared.weight" in state else "model.shared.weight"
    prefix = shared[: -len("shared.weight")]
    for name in ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight"):
        state.pop(prefix + name, None)
    if fields.get("tie_word_embeddings", True):
        state.pop("lm_head.weight", None)
    if fields.get("pad_token_id") == 0 and "d_kv" not in fields:
        # PEGASUS computes its positions; its files may lack them.
        state.pop("model.encoder.embed_positions.weight", None)
        state.pop("model.decoder.embed_positions.weight", None)
    if form == "zip":
        torch.save(state, folder / "pytorch_model.bin")
        return ["pytorch_model.bin"]
    if form == "shards":
        names = sorted(state)
        halves = [names[: len(names) // 2], names[len(names) // 2:]]
        files, places = [], {}
        for i, half in enumerate(halves):
            files.append(f"model-{i + 1:05}-of-00002.safetensors")
            save_file({name: state[name] for name in half}, folder / files[-1], metadata={"format": "pt"})
            places.update(dict.fromkeys(half, files[-1]))
        index = {"metadata": {}, "weight_map": places}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index) + "\n")
        return files
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    return ["model.safetensors"]


@torch.no_grad()
def search(model, source, beams):
    out = model.generate(torch.tensor([source]), num_beams=beams, do_sample=False, return_dict_in_generate=True,
                         output_scores=True)
    ids = out.sequences[0].tolist()
    if beams > 1:
        return ids, round(float(out.sequences_scores[0]), 5)
    return ids, None


@torch.no_grad()
def variety(model, eos):
    pairs = set()
    for source in sources(eos)[:8]:
        ids = search(model, source, 1)[0]
        pairs |= set(zip(ids, ids[1:]))
    return len(pairs)


def record(model, name, files, eos):
    cases = []
    for at, source in enumerate(sources(eos)):
        greedy, _ = search(model, source, 1)
        beam, score = search(model, source, 4)
        case = dict(source=source, greedy=greedy, beam4=beam, beam4_score=score)
        if at in (2, 6, 9):
            with torch.no_grad():
                memory = model.get_encoder()(torch.tensor([source]))
                ids = greedy[:-1]
                logits = model(encoder_outputs=memory, decoder_input_ids=torch.tensor([ids])).logits[0]
            # Some positions of the source and some steps: whole records would be large.
            rows = sorted({0, len(source) // 2, len(source) - 1})
            steps = sorted({0, 1, len(ids) // 2, len(ids) - 1})
            case["encoder"] = [[row, [round(x, 5) for x in memory.last_hidden_state[0, row].tolist()]] for row in rows]
            case["logits"] = [[step, [round(x, 4) for x in logits[step].tolist()]] for step in steps]
        cases.append(case)
    golden = dict(reference=f"transformers {transformers.__version__}", tiny=name, files=files, cases=cases)
    path = pathlib.Path("tests/golden/seq2seq") / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    lengths = [len(case["beam4"]) for case in cases]
    print(name, path.stat().st_size, min(lengths), max(lengths),
          len({tuple(case["beam4"]) for case in cases}), sum(a["greedy"] != a["beam4"] for a in cases), flush=True)


def main():
    torch.set_num_threads(1)
    for number, (name, (kind, config, fields, generation, form)) in enumerate(CHECKPOINTS.items()):
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        dtype = torch.bfloat16 if form == "bf16" else torch.float16
        folder = pathlib.Path("tests/tiny/seq2seq") / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        eos = generation["eos_token_id"]
        # Random networks like to repeat themselves: of several, take the one whose answers vary most.
        def made(draw):
            model = drawn(kind, config, fields, dtype, 1000 * number + draw)
            model.generation_config = GenerationConfig(**generation, num_beams=4)
            return model
        model = max((made(draw) for draw in range(6)), key=lambda model: variety(model, eos))
        files = write(folder, model, fields, form, dtype)
        wanted = {key: value for key, value in fields.items() if key not in ("dropout", "dropout_rate") and value is not None}
        wanted = {"model_type": model.config.model_type, "is_encoder_decoder": True, **wanted}
        (folder / "config.json").write_text(json.dumps(wanted, indent=1) + "\n")
        (folder / "generation_config.json").write_text(json.dumps({**generation, "num_beams": 4}, indent=1) + "\n")
        record(model, name, files, eos)
        print(name, sum(f.stat().st_size for f in folder.iterdir()), flush=True)


if __name__ == "__main__":
    main()
