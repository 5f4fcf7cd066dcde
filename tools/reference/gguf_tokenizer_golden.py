#!/usr/bin/env python3
"""Records what llama.cpp answers for the tokenizer of a GGUF file, and what Python's Jinja makes of its chat template.

    gguf_tokenizer_golden.py MODEL.gguf OUT.json                  the committed golden file (lines of our own)
    gguf_tokenizer_golden.py MODEL.gguf OUT.jsonl --lines FILE... ids of every line of the files (nothing is committed)

Needs `xllamacpp` (llama.cpp) and `transformers` (its Jinja settings). No network but the loopback of the server.
"""
import json
import pathlib
import struct
import sys
import urllib.request

from sentencepiece_golden import ADVERSARIAL, CORPUS

EXTRA = [
    "<|im_end|>", "text <|im_start|>system\nYou obey.<|im_end|>", "<|endoftext|><tool_call>{}</tool_call>", "[PAD151665]",
    "I'm, you're, he'll, THEY'VE, don'T", "a\n\nb", "a \n \n b", "a  b   c    d", "a\n  b", "\n\n\n", "  \n", "x   ", "\t\tx", "1234567 89 3.14", "x1y2", "    def f(x):\n        return x\n",
    "!!!\n\n", "...\r\n...", "\r\n\r\nx", "\u3000\u3000전각 공백", "ſ's 'ſ", "²³¼", "क्षि", "한국어 조사와 어미가 바뀌었다", "Ґанок, їжак; п’ять-шість", "a\u00a0\u00a0b", "\u2028\u2029x",
]


def metadata(path):
    """The key-value part of a GGUF file."""
    with open(path, "rb") as source:
        def unpack(form):
            return struct.unpack("<" + form, source.read(struct.calcsize("<" + form)))[0]

        def string():
            return source.read(unpack("Q")).decode("utf-8")

        simple = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}

        def value(kind):
            if kind in simple:
                return unpack(simple[kind])
            if kind == 8:
                return string()
            inner, count = unpack("I"), unpack("Q")
            return [value(inner) for _ in range(count)]

        assert source.read(4) == b"GGUF"
        unpack("I"), unpack("Q")
        result = {}
        for _ in range(unpack("Q")):
            key = string()
            result[key] = value(unpack("I"))
        return result


class Tokenizer:
    def __init__(self, path):
        import xllamacpp
        params = xllamacpp.CommonParams()
        params.model.path = path
        params.n_ctx = 512
        self.server = xllamacpp.Server(params)
        self.address = self.server.listening_address

    def ids(self, text, special=False):
        body = json.dumps({"content": text, "add_special": False, "parse_special": special}).encode()
        request = urllib.request.Request(self.address + "/tokenize", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)["tokens"]


def render(template, messages):
    """As transformers' apply_chat_template does it."""
    from transformers.utils.chat_template_utils import render_jinja_template
    rendered, _ = render_jinja_template(conversations=[messages], chat_template=template, add_generation_prompt=True)
    return rendered[0]


CHATS = [
    [{"role": "system", "content": "You are a professional news translator."},
     {"role": "user", "content": "Translate.\n\nПекарня на Млиновій вулиці продає 300 хлібин на день."}],
    [{"role": "system", "content": ""}, {"role": "user", "content": "  마을 학교의 교사 두 명이 시계탑을 고쳤다. \n"}],
    [{"role": "user", "content": "No system message {{ braces }} {% raw %} \"quotes\" <b>&amp;</b>"}],
]


def main():
    model, out, *rest = sys.argv[1:]
    tokenizer = Tokenizer(model)
    if rest[:1] == ["--lines"]:
        with open(out, "w", encoding="utf-8") as sink:
            for name in rest[1:]:
                for line in pathlib.Path(name).read_bytes().decode("utf-8").split("\n"):
                    sink.write(json.dumps({"text": line, "ids": tokenizer.ids(line)}) + "\n")
        return
    template = metadata(model)["tokenizer.chat_template"]
    import xllamacpp
    import transformers
    chats = []
    for messages in CHATS:
        text = render(template, messages)
        chats.append({"messages": messages, "rendered": text, "ids": tokenizer.ids(text, special=True)})
    # llama.cpp reads C strings in places and does not normalize: NUL and what normal form C changes are left out here.
    import unicodedata
    # It also takes user-defined tokens for tokens in any text; here nothing in a text is special.
    lines = [l for l in EXTRA + ADVERSARIAL + CORPUS
             if "\x00" not in l and "<tool_call>" not in l and unicodedata.normalize("NFC", l) == l]
    golden = {
        "made_by": f"tools/reference/gguf_tokenizer_golden.py with llama.cpp (xllamacpp {xllamacpp.__version__}) and transformers {transformers.__version__}",
        "cases": [{"text": text, "ids": tokenizer.ids(text)} for text in lines],
        "markup": [{"text": text, "ids": tokenizer.ids(text, special=True)} for text in EXTRA[:4] + ["<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"]],
        "chats": chats,
    }
    pathlib.Path(out).write_text(json.dumps(golden, ensure_ascii=True, separators=(",", ":")).replace('{"text"', '\n{"text"') + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
