"""Writes tests/golden/tokenize/spans.json: where each piece stands in the text, as SentencePieceText says it (begin, end).

    pip install sentencepiece==0.2.3 protobuf
    python tools/reference/sentencepiece_spans.py

For every model in tests/tiny/spm-* and every text of its golden file: the ranges of the pieces in the text, and those of the
same pieces in the decoded text. Offsets are bytes of UTF-8.
"""

import json
from pathlib import Path

import sentencepiece

TESTS = Path(__file__).resolve().parents[2] / "tests"


def spans(proto):
    return [[piece.begin, piece.end] for piece in proto.pieces]


def main():
    models = {}
    for folder in sorted((TESTS / "tiny").glob("spm-*")):
        model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "model.spm"))
        golden = json.loads((TESTS / "golden/tokenize" / f"{folder.name}.json").read_text())
        cases = []
        for case in golden["cases"]:
            text = case["text"]
            encoded = model.encode(text, return_type="proto")
            assert [piece.id for piece in encoded.pieces] == case["ids"], text
            decoded = model.decode(case["ids"], return_type="proto")
            cases.append({"source": spans(encoded), "target": spans(decoded)})
        models[folder.name] = cases
    out = TESTS / "golden/tokenize/spans.json"
    out.write_text(json.dumps({"reference": f"sentencepiece {sentencepiece.__version__}", "models": models}, separators=(",", ":")) + "\n")
    print(out, out.stat().st_size)


if __name__ == "__main__":
    main()
