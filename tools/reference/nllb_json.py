#!/usr/bin/env python3
"""Writes tests/tiny/nllb-json/*: the files `tokenizer.json` of NLLB and mBART-50 for the small SentencePiece models there are.

`nllb` and `mbart50` are what transformers (5.23 was used) makes of tests/tiny/tokenizers; the expected ids are those of
seq2seq_tokenizer_golden.py. `published` is laid out as the published file of NLLB-200: a character map, white space cut off
first, pairs as texts, languages among the tokens and the added ones; its model is tests/tiny/spm-bpe, the expected ids are those of
sentencepiece_golden.py. Run from the repository's root.
"""
import base64
import json
import pathlib
import shutil
import tempfile

import transformers
from sentencepiece import SentencePieceProcessor, sentencepiece_model_pb2
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES as NLLB

OUT = pathlib.Path("tests/tiny/nllb-json")
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]


def converted(kind, model):
    place = pathlib.Path(tempfile.mkdtemp())
    shutil.copy(f"tests/tiny/tokenizers/{model}.model", place / "sentencepiece.bpe.model")
    kind.from_pretrained(place).save_pretrained(place / "out")
    made = json.loads((place / "out/tokenizer.json").read_text())
    if kind is transformers.NllbTokenizer:
        # The conversion does not know the languages of a model that is not the published one; their places stay free.
        made["added_tokens"][-1]["id"] += len(NLLB)
    return made


def published():
    path = pathlib.Path("tests/tiny/spm-bpe/model.spm")
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(path.read_bytes())
    pieces = SentencePieceProcessor(model_file=str(path))
    own = [pieces.id_to_piece(at) for at in range(3, pieces.get_piece_size())]
    tokens = [*SPECIAL, *own, *NLLB, "<mask>"]
    known = set(own)
    # For each piece all the ways to make it of two others, in the order of the pieces.
    merges = [f"{piece[:at]} {piece[at:]}" for piece in own for at in range(1, len(piece))
              if piece[:at] in known and piece[at:] in known]
    added = [dict(id=at, content=token, single_word=False, lstrip=token == "<mask>", rstrip=False, normalized=False, special=True)
             for at, token in enumerate(tokens) if token in SPECIAL or at >= 4 + len(own)]
    mark = dict(type="Metaspace", replacement="\u2581", add_prefix_space=True)
    return dict(
        version="1.0", truncation=None, padding=None, added_tokens=added,
        normalizer=dict(type="Sequence", normalizers=[
            dict(type="Precompiled", precompiled_charsmap=base64.b64encode(proto.normalizer_spec.precompiled_charsmap).decode()),
            dict(type="Replace", pattern=dict(Regex=" {2,}"), content=" ")]),
        pre_tokenizer=dict(type="Sequence", pretokenizers=[dict(type="WhitespaceSplit"), mark]), post_processor=None, decoder=mark,
        model=dict(type="BPE", dropout=None, unk_token="<unk>", continuing_subword_prefix=None, end_of_word_suffix=None,
                   fuse_unk=True, vocab={token: at for at, token in enumerate(tokens)}, merges=merges))


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    for name, made in [("nllb", converted(transformers.NllbTokenizer, "nllb")),
                       ("mbart50", converted(transformers.MBart50Tokenizer, "fairseq")), ("published", published())]:
        path = OUT / f"{name}.json"
        path.write_text(json.dumps(made, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
        print(name, path.stat().st_size, made["model"]["type"], made["normalizer"] and made["normalizer"]["type"])


main()
