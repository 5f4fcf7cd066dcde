#!/usr/bin/env python3
"""Records what transformers answers on a real Marian checkpoint: ids in, ids out, greedy and beam 4, as JSON.

  marian_real.py FOLDER SENTENCES OUT.json [--limit N]

SENTENCES is a text file, one sentence a line. The committed goldens come from tools/reference/marian_sentences.{en,fr},
which were written for this project. Larger sets are passed to the tests through TLUMACH_GOLDEN.
Each sentence is searched on its own (no padding), in f32, with the checkpoint's own generation settings.
"""
import argparse
import json

import torch
import transformers
from transformers import MarianMTModel, MarianTokenizer


@torch.no_grad()
def answer(model, source):
    case = dict(source=source)
    for name, beams in (("greedy", 1), ("beam4", 4)):
        out = model.generate(torch.tensor([source]), num_beams=beams, do_sample=False,
                             return_dict_in_generate=True, output_scores=True)
        case[name] = out.sequences[0].tolist()
        if beams == 1:
            # How sure each choice was: the gap between the best two, for the ties.
            gaps = [float(torch.topk(s[0], 2).values.diff().abs()) for s in out.scores]
            case["greedy_smallest_gap"] = round(min(gaps), 6)
            scores = model.compute_transition_scores(out.sequences, out.scores, normalize_logits=False)
            case["greedy_log_probability"] = round(float(scores[0].sum()), 5)
        else:
            case["beam4_score"] = round(float(out.sequences_scores[0]), 6)
    return case


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("folder")
    p.add_argument("sentences")
    p.add_argument("out")
    p.add_argument("--limit", type=int, default=0)
    p.add_argument("--model", default="", help="name of the checkpoint in the tests")
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    tokenizer = MarianTokenizer.from_pretrained(a.folder)
    model = MarianMTModel.from_pretrained(a.folder, dtype=torch.float32).eval()
    lines = [line.strip() for line in open(a.sentences, encoding="utf-8") if line.strip()]
    head = dict(reference=f"transformers {transformers.__version__}", model=a.model)
    with open(a.out, "w", encoding="utf-8") as out:
        out.write(json.dumps(head)[:-1] + ', "cases": [')
        for number, line in enumerate(lines[: a.limit or None]):
            case = answer(model, tokenizer(line)["input_ids"])
            out.write((",\n" if number else "\n") + json.dumps(case))
            out.flush()
        out.write("\n]}\n")


main()
