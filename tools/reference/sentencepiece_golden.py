#!/usr/bin/env python3
"""Trains the tiny SentencePiece models of tests/tiny/spm-* on invented text and records what the C++ library answers.

    sentencepiece_golden.py                        writes tests/tiny/spm-*/model.spm and tests/golden/tokenize/spm-*.json
    sentencepiece_golden.py --keep                 records again on the models that are there
    sentencepiece_golden.py --golden OUT MODEL     the same record for a model that is not in the repository
    sentencepiece_golden.py --lines OUT MODEL FILE...   one model on the lines of files (not committed); a FILE
                                                   named @adversarial stands for 4000 lines made up on the spot

Needs `sentencepiece` 0.2.3. Each golden case: text, ids, pieces, and the text that the ids decode to.
"""
import io
import json
import os
import pathlib
import sys
import tempfile
import unicodedata

import sentencepiece

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Invented sentences: the models have to be small, not good.
CORPUS = """
The old lighthouse keeper counted 14 boats before the storm, and not one of them came back late.
A bakery on Mill Street sells 300 loaves a day; its owner says "flour is dearer than ever".
The committee did not approve the bridge, because the river had moved 2.5 metres since 1998.
Two teachers from the village school repaired the clock tower with parts of a tractor.
Rain fell for nine days, the fields drowned, and the train to the coast was cancelled again.
“We will open the museum in May,” said its director, Dr. Anna Holub, to the reporters.
The price of apples rose by 7 % in March, the price of pears did not change at all.
Старий доглядач маяка нарахував 14 човнів перед бурею, і жоден із них не запізнився.
Пекарня на Млиновій вулиці продає 300 хлібин на день; «борошно дорожче, ніж будь-коли», каже власниця.
Комітет не схвалив міст, бо річка від 1998 року пересунулася на 2,5 метра.
Двоє вчителів сільської школи полагодили годинник на вежі деталями з трактора.
Дев’ять днів лив дощ, поля потонули, і поїзд до моря знову скасували.
Ми відкриємо музей у травні, — сказала журналістам директорка Анна Голуб.
Ціна на яблука в березні зросла на 7 %, ціна на груші зовсім не змінилася. Їжак і ґедзь з'їли ґанок.
늙은 등대지기는 폭풍이 오기 전에 배 14척을 세었고, 늦게 돌아온 배는 한 척도 없었다.
방앗간 거리의 빵집은 하루에 빵 300개를 판다. 주인은 "밀가루가 어느 때보다 비싸다"고 말한다.
위원회는 다리 건설을 승인하지 않았다. 1998년부터 강이 2.5미터 움직였기 때문이다.
마을 학교의 교사 두 명이 트랙터 부품으로 시계탑을 고쳤다.
아흐레 동안 비가 내려 밭이 잠겼고, 바다로 가는 기차는 또 취소되었다.
“박물관은 5월에 문을 엽니다.” 안나 홀루브 관장이 기자들에게 말했다.
3월에 사과 값은 7% 올랐고 배 값은 전혀 변하지 않았다.
""".strip().split("\n")

# `compose` and `fold` below: rules of our own, because the built-in character maps alone take 240 KB.
MODELS = {
    "spm-unigram": dict(model_type="unigram", vocab_size=420, rules="compose"),
    "spm-bpe": dict(model_type="bpe", vocab_size=420, rules="compose"),
    "spm-bytes": dict(model_type="unigram", vocab_size=520, normalization_rule_name="identity", byte_fallback=True,
                      character_coverage=0.98, remove_extra_whitespaces=False),
    "spm-bpe-bytes": dict(model_type="bpe", vocab_size=560, normalization_rule_name="identity", byte_fallback=True,
                          character_coverage=0.98, split_digits=True, allow_whitespace_only_pieces=True,
                          remove_extra_whitespaces=False),
    "spm-symbols": dict(model_type="unigram", vocab_size=420, normalization_rule_name="identity",
                        user_defined_symbols=[">>ukr<<", ">>kor<<", "<sep>", "the committee", "안나"],
                        control_symbols=["<ctl>"], add_dummy_prefix=False),
    "spm-bpe-symbols": dict(model_type="bpe", vocab_size=420, rules="fold",
                            user_defined_symbols=[">>ukr<<", "<sep>", "the committee", "안나"],
                            treat_whitespace_as_suffix=True),
    "spm-suffix": dict(model_type="unigram", vocab_size=420, rules="compose",
                       treat_whitespace_as_suffix=True),
}

ADVERSARIAL = [
    "", " ", "   ", "\t", "\n", "\u3000", "\u3000\u3000a\u3000", "a", "▁", "▁▁a▁", " ▁ ", "a  b   c", "  leading", "trailing  ",
    "tab\tand\nline\r\nend", "no\u00a0break\u2009thin\u200bzero\u200cwidth\u200djoin", "\ufeffBOM first", "BOM \ufeff inside",
    "NUL \x00 inside", "\x00", "\x01\x02\x1f\x7f\x80\x9f controls", "soft\u00adhyphen", "bell\x07", "\x1b[31mred\x1b[0m",
    "e\u0301 a\u0308 o\u0302\u0323 combining", "й (й) ї (ї) ґ", "Å Å \u212b", "ﬁ ﬂ ﬃ ligatures", "①②③ ½ ¾ ² ³ ™ ℃ №5 ㎏ ㈜",
    "ＦＵＬＬｗｉｄｔｈ １２３ ！？", "ｶﾞ ｷﾞ halfwidth", "\u1112\u1161\u11ab\u1100\u1173\u11af NFD", "한글 한글".encode().decode(), "ㅎㅏㄴㄱㅡㄹ ㅋㅋㅋ ㅠㅠ", "각\u11a8", "\u1100", "\u1161\u11a8",
    "👩‍👩‍👧‍👦 family 👍🏽 🇺🇦🇰🇷 ❤️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "😀😀😀😀", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚", "漢字 かな カナ", "שלום עולם", "مرحبا بالعالم", "\u202eRTL override\u202c", "हिन्दी ไทย",
    "\ud7ff \ue000 \ufdd0 \ufffd \uffff \U0010ffff", "\u0301start", "x\u0301\u0302\u0303\u0304\u0305", "ǅ ß ẞ İ ı ſ", "… ‥ . ․", "“quotes” «лапки» ‘single’ „low“", "— – ‐ ‑ − ~ ～",
    "<unk>", "<s></s>", "<pad>", "<0x41><0x0A>", "▁<s>▁", ">>ukr<<text", "text >>ukr<< text>>kor<<", "<sep><sep> <sep>", "<ctl> control", "say the committee the  committee", "안나안나 안나 홀루브", ">>uk", "⁇ \u2047",
    "The old lighthouse keeper did not count 14,000 boats.", "Старий доглядач маяка НЕ нарахував 14 човнів; з'їзд, з’їзд, зʼїзд.", "늙은 등대지기는 배 14척을 세지 않았다.", "Змішаний text 혼합 12.5% ₴100 €20 $3 ₩5,000",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ааааааааааааааааааааааааааааааааааааааааааа", "0000000000000000000000000000000000", "http://example.org/a?b=c&d=%20#e", "@handle #tag user@example.org",
    "MiXeD CaSe ÜBER İSTANBUL", "a\u2028b\u2029c\u0085d\u000bd\u000ce", "\u2581x\u2581\u2581y", "ab\u0000cd\u0000", "\u180e\u2060\u206a", "ﷺ ﷽", "ẛ̣ ẛ̣", "Ω Ω K K", "\u0130\u0307",
]

# Long lines, described rather than spelled out: the test builds them again.
LONG = [
    {"repeat": "The river had moved 2.5 metres. ", "times": 400},
    {"repeat": "річка пересунулася", "times": 500},
    {"repeat": "등대지기는배를세었다", "times": 500},
    {"repeat": "a", "times": 6000},
    {"repeat": " ", "times": 5000},
    {"repeat": "\u1112\u1161\u11ab", "times": 1500},
    {"repeat": "漢", "times": 3000},
]

DECODES = [[], [0], [1, 2], [0, 0], [1, 0, 2, 3], [3, 4, 5, 6, 7, 8, 9], list(range(40)), list(range(40, 120)), list(range(300, 250, -1)), [5, 5, 5], [9, 3, 9, 3, 3]]
DECODE_PIECES = [["▁a", "▁b"], ["▁", "▁", "a"], ["▁▁▁", "x"], ["<unk>", "▁a"], ["</s>", "▁a"], ["not-a-piece", "▁nor▁this"], ["▁not-a-piece-either", "▁the"], ["<s>", "▁", "▁the", "</s>"],
                 ["<0xED>", "<0x95>", "<0x9C>"], ["<0xED>", "▁a", "<0xFF>"], ["<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "<0x80>"], ["▁", "<0x41>", "▁the"]]


def rules(fold):
    """Character rules like those of nmt_nfkc for the characters the tests use: sequence of code points -> sequence."""
    found = {}

    def add(source):
        target = unicodedata.normalize("NFKC", source)
        target = target.casefold() if fold else target
        target = "".join(" " if c in "\t\n\r\u2028\u2029\u200b\u200c\u200d\ufeff" or unicodedata.category(c) == "Zs" else c for c in target)
        target = "".join(c for c in target if unicodedata.category(c) != "Cc")
        if target != source:
            found[source] = target

    text = "".join(CORPUS + ADVERSARIAL)
    for c in sorted(set(text)):
        add(c)
        decomposed = unicodedata.normalize("NFD", c)
        for end in range(2, len(decomposed) + 1):
            add(decomposed[:end])
        if len(decomposed) == 3:  # a syllable with a final consonant: the open syllable and the consonant
            add(unicodedata.normalize("NFC", decomposed[:2]) + decomposed[2])
    for first, last in [(0x01, 0x7F), (0xA0, 0x17F), (0x2000, 0x206F), (0x2460, 0x2473), (0xFF01, 0xFF9F)]:
        for point in range(first, last + 1):
            add(chr(point))
            decomposed = unicodedata.normalize("NFD", chr(point))
            if len(decomposed) > 1:
                add(decomposed)
    return "".join(" ".join(f"{ord(c):X}" for c in source) + "\t" + " ".join(f"{ord(c):X}" for c in target) + "\n"
                   for source, target in sorted(found.items()) if "\x00" not in source)


def short_hash(ids):
    """FNV-1a over the ids as 32-bit little-endian numbers: long answers are compared by length and hash."""
    value = 0xCBF29CE484222325
    for number in ids:
        for byte in number.to_bytes(4, "little"):
            value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def adversarial(count=4000):
    """The lines above and random ones: characters of many blocks, normal forms, joined pieces of the corpus."""
    import random
    source = random.Random(20)
    blocks = [(0, 0x7F), (0x80, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0x97F), (0x1100, 0x11FF),
              (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x2100, 0x24FF), (0x3000, 0x33FF), (0x4E00, 0x4FFF), (0xAC00, 0xD7A3),
              (0xF900, 0xFB4F), (0xFE00, 0xFFEF), (0x1D400, 0x1D7FF), (0x1F300, 0x1F6FF), (0xE0000, 0xE007F)]
    lines = list(ADVERSARIAL)
    while len(lines) < count:
        parts = []
        for _ in range(source.randint(1, 14)):
            kind = source.randrange(5)
            if kind == 0:
                first, last = source.choice(blocks)
                parts.append("".join(chr(source.randint(first, last)) for _ in range(source.randint(1, 6))))
            elif kind == 1:
                parts.append(source.choice(ADVERSARIAL))
            else:
                words = source.choice(CORPUS).split()
                start = source.randrange(len(words))
                text = " ".join(words[start:start + source.randint(1, 6)])
                parts.append(unicodedata.normalize(source.choice(["NFC", "NFD", "NFKC", "NFKD"]), text))
        lines.append(source.choice(["", " "]).join(parts))
    return lines + [line["repeat"] * line["times"] for line in LONG]


def record(model, lines):
    cases = []
    for text in lines:
        ids = model.encode(text, out_type=int)
        cases.append({"text": text, "ids": ids, "pieces": model.encode(text, out_type=str), "decoded": model.decode(ids)})
    return cases


def golden(path):
    model = sentencepiece.SentencePieceProcessor(model_file=str(path))
    lines = ADVERSARIAL + CORPUS[::4]
    long = []
    for item in LONG:
        ids = model.encode(item["repeat"] * item["times"], out_type=int)
        long.append({**item, "count": len(ids), "hash": short_hash(ids)})
    size = model.get_piece_size()
    decodes = [{"ids": ids, "text": model.decode([i for i in ids if i < size])} for ids in DECODES if max(ids, default=0) < size]
    return {
        "made_by": f"tools/reference/sentencepiece_golden.py with sentencepiece {sentencepiece.__version__}",
        "cases": record(model, lines), "long": long, "decode_ids": decodes,
        "decode_pieces": [{"pieces": pieces, "text": model.decode_pieces(pieces)} for pieces in DECODE_PIECES],
    }


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")).replace('{"text"', '\n{"text"') + "\n", encoding="ascii")


def main():
    if sys.argv[1:2] == ["--lines"]:
        out, model_path, *files = sys.argv[2:]
        model = sentencepiece.SentencePieceProcessor(model_file=model_path)
        with open(out, "w", encoding="utf-8") as sink:
            for name in files:
                # Only "\n" ends a line: str.splitlines would cut at U+2028 and the like.
                lines = adversarial() if name == "@adversarial" else pathlib.Path(name).read_bytes().decode("utf-8").split("\n")
                for line in lines:
                    ids = model.encode(line, out_type=int)
                    sink.write(json.dumps({"text": line, "ids": ids, "decoded": model.decode(ids)}) + "\n")
        return
    if sys.argv[1:2] == ["--golden"]:
        write(pathlib.Path(sys.argv[2]), golden(sys.argv[3]))
        return
    for name, options in MODELS.items():
        path = ROOT / "tests" / "tiny" / name / "model.spm"
        if "--keep" not in sys.argv:
            sink = io.BytesIO()
            options = dict(options)
            if kind := options.pop("rules", None):
                # A relative name: the model file records it.
                os.chdir(tempfile.mkdtemp())
                pathlib.Path("rules.tsv").write_text(rules(kind == "fold"), encoding="utf-8")
                options["normalization_rule_tsv"] = "rules.tsv"
            # A fixed thread count and no shuffling: the same file every time.
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(CORPUS * 3), model_writer=sink, num_threads=1, shuffle_input_sentence=False,
                hard_vocab_limit=False, minloglevel=2, **options)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(sink.getvalue())
        write(ROOT / "tests" / "golden" / "tokenize" / f"{name}.json", golden(path))
        print(name, path.stat().st_size)


if __name__ == "__main__":
    main()
