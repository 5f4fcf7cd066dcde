#!/usr/bin/env python3
"""Writes tests/golden/qwen/NAME.json: what llama.cpp (through xllamacpp) gives as next-token log-probabilities of 50
prompts, and with --transformers what transformers gives with the same weights dequantized to f32.
Usage: qwen_llama.py WEIGHTS.gguf NAME [--transformers] [--root REPOSITORY]"""
import argparse
import json
import os
import sys
from pathlib import Path

p = argparse.ArgumentParser(description=__doc__)
p.add_argument("weights")
p.add_argument("name")
p.add_argument("--transformers", action="store_true")
p.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
p.add_argument("--top", type=int, default=40)
p.add_argument("--ids-from", type=Path, help="take the prompts' ids from an earlier result (same tokenizer, no waiting)")
a = p.parse_args()

EN = [
    "The ferry to the island was cancelled on Tuesday after the harbour office measured waves of 3.4 metres.",
    "Farmers in the valley expect to bring in 18,000 tonnes of wheat this year, a tenth less than last summer.",
    "“We did not agree to this plan,” the mayor told reporters, “and we will not sign it before Friday.”",
    "The museum reopened its east wing with 240 photographs of the railway workers who built the town.",
    "Two engineers and a pilot were taken to hospital, but none of them was seriously hurt.",
    "The new bridge will carry trams, bicycles and pedestrians; cars will have to use the tunnel until 2031.",
]
UK = [
    "Уночі над містом збили одинадцять безпілотників, уламки пошкодили дах школи, але ніхто не постраждав.",
    "Мешканці трьох сіл досі не мають води після того, як у середу прорвало головний трубопровід.",
    "Бібліотека на вулиці Садовій працюватиме до десятої вечора, бо студенти готуються до іспитів.",
    "Міністерство не підтвердило, що переговори відбудуться вже наступного тижня.",
    "За словами лікарки, двоє поранених залишаються у важкому стані, ще четверо вже вдома.",
    "Ціна на картоплю зросла на 12 відсотків, тоді як цибуля трохи подешевшала.",
]
KO = [
    "어젯밤 강풍으로 항구의 크레인 두 대가 쓰러졌지만 다친 사람은 없었다.",
    "시는 내년 3월부터 심야 버스 노선을 여섯 개 더 늘리기로 했다.",
    "회사 측은 공장을 닫을 계획이 없다고 밝혔으나 직원들은 여전히 불안해하고 있다.",
    "연구진은 이 호수의 물고기가 10년 사이에 40퍼센트 줄었다고 발표했다.",
    "할머니는 시장에서 30년 동안 국수를 팔아 번 돈을 학교에 기부했다.",
]
NAMES = {"en": "English", "uk": "Ukrainian", "ko": "Korean"}


def chat(system, user, answer=""):
    return (f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{user}<|im_end|>\n"
            f"<|im_start|>assistant\n{answer}")


def prompts():
    translator = "You are a careful translator of news articles."
    editor = "You are an editor who summarizes news articles faithfully."
    made = []
    for language, texts in (("en", EN), ("uk", UK), ("ko", KO)):
        targets = [other for other in NAMES if other != language]
        for i, text in enumerate(texts):
            target = NAMES[targets[i % 2]]
            made.append(chat(translator, f"Translate the following text into {target}. Output only the translation.\n\n{text}"))
    openings = {"English": ["The", "According to", "It was reported that"], "Ukrainian": ["У", "За словами", "Вчора"]}
    for i, text in enumerate(UK + KO):
        made.append(chat(translator, f"Translate into English:\n\n{text}", openings["English"][i % 3]))
    for i, text in enumerate(EN):
        made.append(chat(translator, f"Translate into Ukrainian:\n\n{text}", openings["Ukrainian"][i % 3]))
    for texts in (EN[:3], EN[3:], UK[:3], UK[3:], KO[:3], KO[2:]):
        made.append(chat(editor, "Summarize in one English sentence:\n\n" + "\n\n".join(texts)))
        made.append(chat(editor, "Write a headline of at most eight words in English:\n\n" + "\n\n".join(texts), "Headline:"))
    made += [" ".join(EN), "\n".join(UK), "\n".join(KO), "One, two, three, four, five, six,"]
    return made


def main():
    import xllamacpp
    folder, file = os.path.split(os.path.abspath(a.weights))
    if a.ids_from:
        ids = [case["prompt"] for case in json.loads(a.ids_from.read_text())]
    else:
        from transformers import AutoTokenizer
        tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
        ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in prompts()]
    print(len(ids), "prompts of", min(map(len, ids)), "to", max(map(len, ids)), "tokens", flush=True)
    params = xllamacpp.CommonParams()
    params.model.path = a.weights
    params.n_ctx = 2048
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
    server = xllamacpp.Server(params)
    cases = []
    for prompt in ids:
        reply = server.handle_completions({"prompt": prompt, "n_predict": 1, "n_probs": a.top, "temperature": 0,
                                           "cache_prompt": False})
        content = reply["choices"][0]["logprobs"]["content"]
        best = [[entry["id"], round(entry["logprob"], 5)] for entry in content[0]["top_logprobs"]]
        assert reply["usage"]["prompt_tokens"] == len(prompt) and len(best) == a.top
        cases.append({"prompt": prompt, "llama": best})
    del server
    save(cases)
    if a.transformers:
        import torch
        from transformers import AutoModelForCausalLM
        model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
        with torch.no_grad():
            for case in cases:
                row = torch.log_softmax(model(torch.tensor([case["prompt"]])).logits[0, -1].float(), 0)
                best = torch.topk(row, a.top)
                case["transformers"] = [[int(i), round(float(v), 5)] for i, v in zip(best.indices, best.values)]
        save(cases)


def save(cases):
    target = a.root / "tests" / "golden" / "qwen" / f"{a.name}.json"
    target.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
    print(target, target.stat().st_size)


if __name__ == "__main__":
    sys.exit(main())
