#!/usr/bin/env python3
"""Writes tests/golden/causal/NAME.json: what llama.cpp (through xllamacpp) gives as next-token log-probabilities of 50
prompts, and the ids of some hundred lines in many scripts. Needs xllamacpp and sentencepiece (for the lines).
Usage: causal_llama.py WEIGHTS.gguf NAME [--root REPOSITORY]"""
import argparse
import json
import sys
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
p = argparse.ArgumentParser(description=__doc__)
p.add_argument("weights")
p.add_argument("name")
p.add_argument("--transformers", action="store_true", help="what transformers gives with the weights dequantized, too")
p.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
p.add_argument("--top", type=int, default=32)
a = p.parse_args()
sys.argv = sys.argv[:3]

from gguf_tokenizer_golden import EXTRA  # noqa: E402
from qwen_llama import EN, KO, UK, chat  # noqa: E402
from sentencepiece_golden import ADVERSARIAL, CORPUS  # noqa: E402


def prompts(chats):
    made = []
    for i, text in enumerate(EN + UK + KO):
        if chats:
            made.append(chat("You are a helpful assistant.", f"Write a headline.\n\n{text}"))
        else:
            made.append(text)
        made.append(text[: len(text) * (2 + i % 3) // 5])
        made.append(text[: len(text) * (3 - i % 2) // 4].rsplit(" ", 1)[0])
    for texts in (EN, UK, KO):
        made.append("\n".join(texts))
    made += [" ".join(EN[:3]), "One, two, three, four, five, six,", "The capital of France is", "1, 2, 3, 4, 5, 6, 7,",
             "Dear reader,\n\nThis is", "def add(a, b):\n    return", "Q: What is two plus two?\nA:", "It was a dark and",
             "Once upon a time, there was", "The first president of the United States was George", "Water boils at 100",
             " ".join(EN)]
    return made


def main():
    import xllamacpp
    params = xllamacpp.CommonParams()
    params.model.path = a.weights
    params.n_ctx = 2048
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)

    def ids(text, first, special):
        body = json.dumps({"content": text, "add_special": first, "parse_special": special}).encode()
        request = urllib.request.Request(server.listening_address + "/tokenize", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)["tokens"]

    cases = []
    for text in prompts("smollm" in a.name):
        prompt = ids(text, True, True)
        reply = server.handle_completions({"prompt": prompt, "n_predict": 1, "n_probs": a.top, "temperature": 0,
                                           "cache_prompt": False})
        if reply["choices"][0]["logprobs"] is None:
            # The likeliest token ends the text, and llama.cpp then gives no probabilities.
            continue
        content = reply["choices"][0]["logprobs"]["content"]
        best = [[entry["id"], round(entry["logprob"], 4)] for entry in content[0]["top_logprobs"]]
        assert reply["usage"]["prompt_tokens"] == len(prompt) and len(best) == a.top
        cases.append({"prompt": prompt, "llama": best})
        if len(cases) == 50:
            break
    # llama.cpp reads C strings in places, and takes user-defined tokens for tokens in any text.
    lines = [line for line in EXTRA + ADVERSARIAL + CORPUS if "\x00" not in line and "<tool_call>" not in line]
    for file in sorted((a.root / "samples").rglob("*")):
        if file.suffix in (".txt", ".md"):
            lines += [line for line in file.read_text(encoding="utf-8").split("\n") if line.strip()]
    lines = list(dict.fromkeys(lines))
    recorded = [{"text": line, "ids": ids(line, False, False)} for line in lines]
    # Long ones cut like short ones, and the file is kept small.
    recorded = [line for line in recorded if len(line["ids"]) <= 50]
    del server
    if a.transformers:
        import torch
        from transformers import AutoModelForCausalLM
        folder, file = Path(a.weights).resolve().parent, Path(a.weights).name
        model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
        with torch.no_grad():
            for case in cases:
                row = torch.log_softmax(model(torch.tensor([case["prompt"]])).logits[0, -1].float(), 0)
                best = torch.topk(row, 8)
                case["transformers"] = [[int(i), round(float(v), 4)] for i, v in zip(best.indices, best.values)]
    golden = {"reference": f"llama.cpp (xllamacpp {xllamacpp.__version__})", "cases": cases, "lines": recorded}
    target = a.root / "tests" / "golden" / "causal" / f"{a.name}.json"
    target.write_text(json.dumps(golden, separators=(",", ":"), ensure_ascii=False).replace('{"text"', '\n{"text"') + "\n",
                      encoding="utf-8")
    print(target, target.stat().st_size, len(cases), "prompts", len(recorded), "lines")


if __name__ == "__main__":
    main()
