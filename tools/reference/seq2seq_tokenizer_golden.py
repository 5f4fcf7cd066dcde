#!/usr/bin/env python3
"""Writes tests/tiny/tokenizers/* and tests/golden/tokenize/seq2seq.json: small vocabularies of M2M100, SMaLL-100, NLLB, mBART-50,
T5, MADLAD-400, PEGASUS and BART, and the ids of some lines in each.

The reference for ids of text is the SentencePiece library (0.2.3) with the numbering of transformers' tokenizers; M2M100Tokenizer
and the byte-level tokenizer of BART are transformers' own (5.23). Those of NLLB, mBART-50, T5 and PEGASUS are conversions there
since version 5: they are asked too, and a line on which one of them differs from the library is counted and printed.
Run from the repository's root.
"""
import io
import json
import pathlib
import shutil
import tempfile

import sentencepiece
import tokenizers
import transformers
from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES as M2M
from transformers.models.mbart50.tokenization_mbart50 import FAIRSEQ_LANGUAGE_CODES as MBART
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES as NLLB

from sentencepiece_golden import ADVERSARIAL, CORPUS

TINY = pathlib.Path("tests/tiny/tokenizers")
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
# Where transformers finds special tokens in a text, which may not be here.
MARKS = [*SPECIAL, "<extra_id", "<2", "__", "<ctl>", "<sep>", ">>"]
# The models are compared with the library on more lines (sentencepiece_golden.py): here the numbering matters.
LINES = [line for line in CORPUS[::3] + ADVERSARIAL[::2] if not any(mark in line for mark in MARKS)]


def trained(name, **options):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS), model_writer=model, minloglevel=2, vocab_size=330,
        normalization_rule_name="identity", hard_vocab_limit=False, **{"model_type": "unigram", **options})
    path = TINY / f"{name}.model"
    path.write_bytes(model.getvalue())
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def folder(**files):
    place = pathlib.Path(tempfile.mkdtemp())
    for name, path in files.items():
        shutil.copy(path, place / name.replace("__", "."))
    return place


def main():
    shutil.rmtree(TINY, ignore_errors=True)
    TINY.mkdir(parents=True)
    golden = {"made_by": f"sentencepiece {sentencepiece.__version__}, transformers {transformers.__version__}", "texts": LINES, "kinds": {}}

    def record(kind, vocab, ids_of, decode, **more):
        ids = [ids_of(line) for line in LINES]
        decoded = {at: decode(ids[at]).strip() for at in range(len(LINES))}
        # Where the text comes back as it was nothing needs to be written down.
        changed = {at: text for at, text in decoded.items() if text != LINES[at]}
        golden["kinds"][kind] = {"vocab": vocab, **more, "ids": ids, "changed": changed}

    def compare(kind, tokenizer, ids_of, **options):
        first = int(kind == "nllb")
        # The conversion of a model without the languages does not know their tokens.
        differ = [line for line in LINES if tokenizer(line, **options)["input_ids"][first:] != ids_of(line)[first:]]
        print(f"{kind}: transformers' conversion differs from the library on {len(differ)} of {len(LINES)} lines", differ[:6])

    # Fairseq: <unk> 0, <s> 1, </s> 2 in the model.
    fairseq = trained("fairseq")
    size = fairseq.get_piece_size()
    pieces = [fairseq.id_to_piece(at) for at in range(3, size)]
    # A vocabulary in another order than the model's, and without its last piece.
    vocab = {token: at for at, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *reversed(pieces[:-1])])}
    (TINY / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False, separators=(",", ":")) + "\n")
    m2m = transformers.M2M100Tokenizer(str(TINY / "vocab.json"), str(TINY / "fairseq.model"), src_lang="en")
    m2m_vocab = len(vocab) + len(M2M["m2m100"]) + 8
    record("m2m100", m2m_vocab, lambda line: m2m(line)["input_ids"], lambda ids: m2m.decode(ids[1:], skip_special_tokens=True),
           forced=m2m.get_lang_id("uk"), small100_first=m2m.get_lang_id("uk"))

    # NLLB's pieces are those of byte pair encoding, mBART's of a unigram model.
    pairs = trained("nllb", model_type="bpe")
    pair_size = pairs.get_piece_size()

    def numbered(model, line):
        return [at + 1 if at > 2 else 3 for at in model.encode(line)]

    def plain(model):
        return lambda ids: model.decode([at - 1 for at in ids if 3 < at < model.get_piece_size() + 1])
    nllb_id = lambda code: pair_size + 1 + NLLB.index(code)
    nllb = lambda line: [nllb_id("eng_Latn"), *numbered(pairs, line), 2]
    record("nllb", pair_size + 1 + len(NLLB) + 1 + 2, nllb, plain(pairs), forced=nllb_id("ukr_Cyrl"))
    mbart_id = lambda code: size + 1 + MBART.index(code)
    mbart = lambda line: [mbart_id("en_XX"), *numbered(fairseq, line), 2]
    record("mbart50", size + 1 + len(MBART) + 1, mbart, plain(fairseq), forced=mbart_id("uk_UA"))
    for kind, tokenizer, model, ids_of in [("nllb", transformers.NllbTokenizer, "nllb", nllb),
                                           ("mbart50", transformers.MBart50Tokenizer, "fairseq", mbart)]:
        try:
            place = folder(sentencepiece__bpe__model=TINY / f"{model}.model")
            compare(kind, tokenizer.from_pretrained(place), ids_of)
        except Exception as error:
            print(kind, "transformers cannot convert it:", repr(error)[:120])

    # T5: <pad> 0, </s> 1, <unk> 2.
    t5 = trained("t5", pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    ids = lambda line: [*t5.encode(line), 1]
    decode = lambda ids: t5.decode([at for at in ids if at > 2])
    record("t5", t5.get_piece_size() + 120, ids, decode)
    record("t5-prefix", t5.get_piece_size() + 120, lambda line: [*t5.encode("summarize: " + line), 1], decode)
    # <pad> 0, </s> 1, two masks, 101 unused ones, <unk> 105.
    record("pegasus", t5.get_piece_size() + 103, lambda line: [*(at + 103 for at in t5.encode(line)), 1],
           lambda ids: t5.decode([at - 103 for at in ids if at > 105]))
    for kind, tokenizer, ids_of in [("t5", transformers.T5Tokenizer, ids)]:
        try:
            place = folder(spiece__model=TINY / "t5.model")
            compare(kind, tokenizer.from_pretrained(place), ids_of)
        except Exception as error:
            print(kind, "transformers cannot convert it:", repr(error)[:120])
    madlad = trained("madlad", pad_id=0, eos_id=1, unk_id=2, bos_id=-1, user_defined_symbols=["<2en>", "<2uk>", "<2ko>"])
    record("madlad", madlad.get_piece_size(), lambda line: [*madlad.encode("<2uk> " + line), 1] if line.strip() else
           [madlad.piece_to_id("\u2581"), madlad.piece_to_id("<2uk>"), *madlad.encode(line), 1],
           lambda ids: madlad.decode([at for at in ids if at > 2 and not madlad.id_to_piece(at).startswith("<2")]))

    # BART: byte-level pairs, as GPT-2 cuts.
    trainer = tokenizers.ByteLevelBPETokenizer(add_prefix_space=False)
    trainer.train_from_iterator(CORPUS, vocab_size=420, min_frequency=2, show_progress=False, special_tokens=SPECIAL[:4])
    trainer.add_special_tokens(["<mask>"])
    place = pathlib.Path(tempfile.mkdtemp())
    trainer.save_model(str(place))
    shutil.copy(place / "merges.txt", TINY / "merges.txt")
    vocab = json.loads((place / "vocab.json").read_text())
    vocab["<mask>"] = len(vocab)
    (TINY / "bart-vocab.json").write_text(json.dumps(vocab, ensure_ascii=False, separators=(",", ":")) + "\n")
    bart = transformers.BartTokenizer(vocab=vocab, merges=[tuple(line.split(" ")) for line in
                                      (TINY / "merges.txt").read_text().split("\n") if line and not line.startswith("#version")])
    record("bart", len(vocab), lambda line: bart(line)["input_ids"],
           lambda ids: bart.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False), begin=bart.bos_token_id, end=bart.eos_token_id)

    # A tokenizer.json in the manner of KoBART: pairs of characters with a mark for a space, no template.
    whole = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>"))
    whole.normalizer = tokenizers.normalizers.NFKC()
    whole.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    whole.decoder = tokenizers.decoders.Metaspace()
    whole.train_from_iterator(CORPUS, tokenizers.trainers.BpeTrainer(
        vocab_size=420, show_progress=False, special_tokens=["<s>", "</s>", "<unk>", "<pad>", "<mask>"]))
    whole.save(str(TINY / "tokenizer.json"), pretty=False)
    record("tokenizer-json", whole.get_vocab_size(), lambda line: [1, *whole.encode(line, add_special_tokens=False).ids, 1],
           lambda ids: whole.decode(ids, skip_special_tokens=True), begin=1, end=1)

    path = pathlib.Path("tests/golden/tokenize/seq2seq.json")
    path.write_text(json.dumps(golden, ensure_ascii=True, separators=(",", ":")).replace('"ids":', '\n"ids":') + "\n", encoding="ascii")
    print(path.stat().st_size, {f.name: f.stat().st_size for f in TINY.iterdir()})


main()
