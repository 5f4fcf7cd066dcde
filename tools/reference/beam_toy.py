"""Writes tests/golden/decode/beam_toy.json: what transformers' `generate` answers for a toy model without weights.

The toy's logits are a fixed function of the first and the last two ids of the sequence (`logit` below), which the Rust
tests compute too: whole numbers hashed to 16 bits and scaled, so that both sides have the same 32-bit floats.

    python tools/reference/beam_toy.py tests/golden/decode/beam_toy.json
"""

import itertools
import json
import sys

import torch
import transformers
from transformers import GenerationConfig, GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

VOCAB, EOS, EOS2, MASK = 16, 0, 7, 0xFFFFFFFF


def mix(h, x):
    h = ((h ^ x) * 0x9E3779B1) & MASK
    h ^= h >> 15
    h = (h * 0x85EBCA6B) & MASK
    return h ^ (h >> 13)


def logit(seed, first, before, last, token, length, spread, end_bias):
    h = 0
    for x in (seed, first, before, last, token):
        h = mix(h, x)
    value = (h & 0xFFFF) / 65536.0 * spread
    if token == EOS:
        value += end_bias * length
    return value


class ToyConfig(PretrainedConfig):
    model_type = "toy"

    def __init__(self, seed=0, spread=4.0, end_bias=0.125, **kwargs):
        super().__init__(**kwargs)
        self.seed, self.spread, self.end_bias, self.vocab_size = seed, spread, end_bias, VOCAB


class Toy(PreTrainedModel, GenerationMixin):
    config_class = ToyConfig

    def __init__(self, config):
        super().__init__(config)
        self.nothing = torch.nn.Parameter(torch.zeros(1))
        self.post_init()

    def forward(self, input_ids, attention_mask=None, **kwargs):
        c = self.config
        out = torch.zeros(input_ids.shape[0], 1, VOCAB)
        for r, row in enumerate(input_ids.tolist()):
            before = row[-2] if len(row) > 1 else 0
            for t in range(VOCAB):
                out[r, 0, t] = logit(c.seed, row[0], before, row[-1], t, len(row), c.spread, c.end_bias)
        return CausalLMOutput(logits=out)


def cases():
    base = {"beams": 4, "length_penalty": 1.0, "max_new_tokens": 20, "spread": 4.0, "end_bias": 0.125}
    for beams, penalty in itertools.product((1, 2, 4, 5), (0.0, 0.6, 1.0, 2.0)):
        yield {**base, "beams": beams, "length_penalty": penalty}
    for beams in (1, 2, 4, 5):
        yield {**base, "beams": beams, "length_penalty": -1.0, "end_bias": 0.25}
        for extra in (
            {"forced_eos": True, "max_new_tokens": 7, "end_bias": 0.0},
            {"forced_eos": True, "max_new_tokens": 7, "end_bias": 0.25, "length_penalty": 2.0},
            {"forced_eos": True, "max_new_tokens": 1},
            {"max_new_tokens": 1},
            {"max_new_tokens": 5, "end_bias": 0.0},
            {"bad_words": [3, 5, 9, 0]},
            {"bad_words": [3, 5, 9], "renormalize": True},
            {"bad_words": [3], "renormalize": True, "forced_eos": True, "max_new_tokens": 9, "length_penalty": 0.6},
            {"no_repeat_ngram": 3, "end_bias": 0.0, "spread": 8.0, "max_new_tokens": 30},
            {"no_repeat_ngram": 2, "bad_words": [4, 6], "max_new_tokens": 30, "end_bias": 0.03125},
            {"no_repeat_ngram": 2, "renormalize": True, "max_new_tokens": 30, "end_bias": 0.03125},
            {"repetition_penalty": 1.2},
            {"repetition_penalty": 1.2, "renormalize": True, "bad_words": [2]},
            {"repetition_penalty": 0.8, "no_repeat_ngram": 3},
            {"repetition_penalty": 1.5, "no_repeat_ngram": 3, "bad_words": [1], "end_bias": 0.0625},
            {"two_ends": True, "length_penalty": 0.6, "end_bias": 0.03125},
            {"two_ends": True, "length_penalty": 2.0, "end_bias": -0.25},
        ):
            yield {**base, "beams": beams, **extra}


def run(case, prompts, seed):
    model = Toy(ToyConfig(seed=seed, spread=case["spread"], end_bias=case["end_bias"])).eval()
    config = GenerationConfig(
        num_beams=case["beams"],
        do_sample=False,
        early_stopping=False,
        length_penalty=case["length_penalty"],
        max_new_tokens=case["max_new_tokens"],
        eos_token_id=[EOS, EOS2] if case.get("two_ends") else EOS,
        pad_token_id=15,
        use_cache=False,
        forced_eos_token_id=EOS if case.get("forced_eos") else None,
        bad_words_ids=[[t] for t in case["bad_words"]] if case.get("bad_words") else None,
        renormalize_logits=case.get("renormalize", False),
        no_repeat_ngram_size=case.get("no_repeat_ngram", 0),
        repetition_penalty=case.get("repetition_penalty", 1.0),
        return_dict_in_generate=True,
        output_scores=True,
    )
    answers = []
    for prompt in prompts:
        ids = torch.tensor([prompt])
        out = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=config)
        new = out.sequences[0, len(prompt):].tolist()
        if case["beams"] > 1:
            score = out.sequences_scores[0].item()
        else:
            # Greedy has no score in transformers: the sum of the log-probabilities after the rules.
            score = sum(
                torch.log_softmax(scores[0], -1)[token].item() for scores, token in zip(out.scores, new)
            ) / len(new) ** case["length_penalty"]
        answers.append({"ids": new, "score": round(score, 6)})
    return answers


def main(path):
    seed = 20
    prompts = [[1], [2, 3], [5, 1, 4, 1], [8, 8, 8], [11, 2, 13], [6]]
    sample = [logit(seed, 5, 4, 1, token, 4, 4.0, 0.125) for token in range(VOCAB)]
    cases_ = [{**case, "answers": run(case, prompts, seed)} for case in cases()]
    whole = {
        "written_by": f"tools/reference/beam_toy.py, transformers {transformers.__version__}",
        "vocab": VOCAB, "eos": EOS, "second_eos": EOS2, "seed": seed, "prompts": prompts,
        "logits_after_5_1_4_1": sample, "cases": cases_,
    }
    with open(path, "w") as file:
        head = {key: value for key, value in whole.items() if key != "cases"}
        file.write(json.dumps(head)[:-1] + ', "cases": [\n')
        file.write(",\n".join(json.dumps(case) for case in cases_) + "\n]}\n")
    print(len(cases_), "cases")


main(sys.argv[1])
