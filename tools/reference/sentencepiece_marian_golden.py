#!/usr/bin/env python3
"""Records what transformers' MarianTokenizer answers for a checkpoint.

    sentencepiece_marian_golden.py FOLDER OUT.json                    the committed golden file (lines of our own)
    sentencepiece_marian_golden.py FOLDER OUT.jsonl --lines FILE...   every line of the files (nothing is committed)

Needs `transformers` 5.23 (other versions treat pieces outside vocab.json differently).
"""
import json
import pathlib
import sys

import transformers

from sentencepiece_golden import ADVERSARIAL, CORPUS, adversarial


def main():
    folder, out, *rest = sys.argv[1:]
    tokenizer = transformers.MarianTokenizer.from_pretrained(folder)

    def answer(text):
        ids = tokenizer(text)["input_ids"]
        return {"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=True)}

    def plain(text):
        # There a text may spell special tokens and the language token; in the Rust tokenizer it may not.
        return not text.startswith(">>") and not any(token in text for token in tokenizer.all_special_tokens)

    if rest[:1] == ["--lines"]:
        with open(out, "w", encoding="utf-8") as sink:
            for name in rest[1:]:
                lines = adversarial() if name == "@adversarial" else pathlib.Path(name).read_bytes().decode("utf-8").split("\n")
                for line in filter(plain, lines):
                    sink.write(json.dumps(answer(line)) + "\n")
        return
    golden = {
        "made_by": f"tools/reference/sentencepiece_marian_golden.py with transformers {transformers.__version__}",
        "cases": [answer(text) for text in filter(plain, ADVERSARIAL + CORPUS)],
    }
    pathlib.Path(out).write_text(json.dumps(golden, ensure_ascii=True, separators=(",", ":")).replace('{"text"', '\n{"text"') + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
