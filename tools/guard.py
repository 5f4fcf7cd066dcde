#!/usr/bin/env python3
"""Measures the checks with `tlumach check`: how often they cry over good translations, and how often they find damage.

Takes aligned lines `SET.LANG` as `tools/damage.py` does, damages them with it, has `tlumach check --segment line` read
each kind and direction, and prints shares. Good lines count as alarms, damaged ones as found if a finding of the kind
(severity warning or error) is there. Standard library only.

    tools/guard.py FOLDER [--program PATH] [--half odd|even]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

# Codes that say what was done to a line of the kind.
NUMBERS = {"number_changed", "number_missing", "number_new", "unit_converted", "date_changed", "date_missing", "date_new"}
LOST = {"sentences_missing", "too_short", "number_missing", "content_missing", "name_missing", "verbatim_missing", "unpaired"}
FOREIGN = {"wrong_language", "russian_letters", "foreign_script", "untranslated"}
EXPECTED = {
    "copied": {"copied_source", "wrong_language", "untranslated"},
    "wrong_language_other": FOREIGN,
    "wrong_language_russian": FOREIGN,
    "wrong_language_chinese": FOREIGN,
    "loop": {"repetition"},
    "sentence_dropped": LOST,
    "sentence_dropped_joined": LOST,
    "truncated": LOST | {"end_missing"},
    "protected": {"verbatim_missing", "verbatim_changed", "verbatim_new"},
    "digit": NUMBERS,
    "scale": NUMBERS,
    "number_word": NUMBERS,
    "date": NUMBERS,
    "unit": NUMBERS | {"unit_changed", "unit_missing", "unit_new", "money_changed"},
    "mixed_script": {"mixed_script", "foreign_script", "russian_letters"},
    "negation": {"negation_missing", "negation_new"},
    "name": {"name_changed", "name_missing", "name_new", "name_inconsistent"},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--program", default="tlumach")
    parser.add_argument("--sets", nargs="+", default=["flores200.dev", "ntrex128.part1"])
    parser.add_argument("--seed", default="5")
    parser.add_argument("--half", choices=["odd", "even", "all"], default="all", help="lines by their number")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        damaged = place / "damaged.tsv"
        script = Path(__file__).with_name("damage.py")
        command = [sys.executable, script, arguments.folder, "--seed", arguments.seed, "--out", damaged, "--sets", *arguments.sets]
        subprocess.run(command, check=True)
        rows = defaultdict(list)
        for row in damaged.read_text(encoding="utf-8").splitlines():
            kind, source_language, to, _, numbers, source, output = row.split("\t")
            odd = int(numbers.split("-")[0]) % 2 == 1
            if arguments.half == "all" or odd == (arguments.half == "odd"):
                rows[kind, source_language, to].append((source, output))
        result = defaultdict(dict)
        for (kind, source_language, to), lines in rows.items():
            segments = check(arguments.program, place, (source_language, to), lines)
            result[kind][f"{source_language}-{to}"] = count(kind, segments)
    for kind, by_direction in result.items():
        show(kind, by_direction)


def check(program, place, direction, lines):
    """The findings of each line."""
    source, output, report = place / "source.txt", place / "output.txt", place / "report.json"
    # The marks of a line would end it.
    plain = lambda text: " ".join(text.splitlines())
    source.write_text("".join(plain(s) + "\n" for s, _ in lines), encoding="utf-8")
    output.write_text("".join(plain(o) + "\n" for _, o in lines), encoding="utf-8")
    command = [program, "check", source, output, "--from", direction[0], "--to", direction[1], "--segment", "line", "--report", report, "-qq"]
    code = subprocess.run(command).returncode
    if code not in (0, 1):
        sys.exit(f"{program} check ended with code {code}; expected 0 or 1")
    article = json.loads(report.read_text(encoding="utf-8"))["articles"][0]
    if len(article["segments"]) != len(lines):
        sys.exit(f"expected {len(lines)} segments, got {len(article['segments'])}: {article['findings']}")
    return [segment["findings"] for segment in article["segments"]]


def count(kind, segments):
    total = len(segments)
    if kind.startswith("reference"):
        worst = [{f["severity"] for f in findings} for findings in segments]
        return (sum("error" in w for w in worst), sum(bool(w & {"error", "warning"}) for w in worst), sum(map(bool, worst)), total)
    hits = lambda findings: any(f["code"] in EXPECTED[kind] and f["severity"] != "note" for f in findings)
    return (sum(hits(f) for f in segments), total)


def show(kind, by_direction):
    if kind.startswith("reference"):
        for direction, (errors, warnings, notes, total) in by_direction.items():
            share = lambda n: f"{100 * n / total:5.2f} %"
            print(f"{kind:18} {direction}: error {share(errors)}, warning or error {share(warnings)}, any {share(notes)}, of {total}")
        return
    found = sum(hits for hits, _ in by_direction.values())
    total = sum(total for _, total in by_direction.values())
    each = "  ".join(f"{direction} {100 * hits / total:.1f}" for direction, (hits, total) in by_direction.items())
    print(f"{kind:24} {100 * found / total:6.2f} % of {total:5}   {each}")


if __name__ == "__main__":
    main()
