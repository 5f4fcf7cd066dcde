#!/usr/bin/env python3
"""Fits how much each notion of `src/quality/notions.tsv` says about two sentences being a pair, and writes it into the table.

Reads aligned lines `SET.LANG` (one sentence a line, the same lines in every language, neighbours of one text behind each
other) from a folder. Only odd lines are used, so that even ones can be measured on. For each direction (en-uk, en-ko,
uk-en, uk-ko, ko-en, ko-uk) and notion that a source line has, two shares are taken: of the translations that have it
(kept), and of the next line's translations that have it too (chance); both are drawn towards the direction's mean where
there are few lines. The table gets them as a fourth and a fifth column, a digit a direction: kept in steps of 10 %,
chance in steps of 2 %. Standard library only.

    tools/fit_notions.py FOLDER [--sets flores200.dev ntrex128.part1]
"""

import argparse
import re
from collections import Counter
from pathlib import Path

TABLE = Path(__file__).resolve().parents[1] / "src/quality/notions.tsv"
LANGUAGES = ["en", "uk", "ko"]
DIRECTIONS = [("en", "uk"), ("en", "ko"), ("uk", "en"), ("uk", "ko"), ("ko", "en"), ("ko", "uk")]
# As many lines as the mean of the direction counts for.
PRIOR = 8
LONGEST = 12


def stems(rows, column):
    found = {}
    for number, row in enumerate(rows):
        for stem in row[column].split():
            found.setdefault(stem, []).append(number)
    return found


def notions(text, language, stems):
    """As `src/quality/concepts.rs` finds them."""
    found = set()
    text = text.lower().replace("’", "'").replace("ʼ", "'")
    for word in re.findall(r"[^\W_]+(?:['-][^\W_]+)*", text):
        if language == "ko":
            for start in range(len(word)):
                for end in range(start + 1, min(len(word), start + 5) + 1):
                    found.update(stems.get(word[start:end], ()))
        else:
            for end in range(2, min(len(word), LONGEST) + 1):
                found.update(stems.get(word[:end], ()))
            found.update(stems.get(word + "$", ()))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="+", default=["flores200.dev", "ntrex128.part1"])
    arguments = parser.parse_args()
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    tables = [stems(rows, column) for column in range(3)]
    kept, chance, seen = Counter(), Counter(), Counter()
    for name in arguments.sets:
        found = {}
        for column, language in enumerate(LANGUAGES):
            text = (arguments.folder / f"{name}.{language}").read_text(encoding="utf-8").split("\n")[:-1]
            found[language] = [notions(line, language, tables[column]) for line in text]
        for at, (source, to) in enumerate(DIRECTIONS):
            # Counted from one, as editors do: the first line is odd. The next odd line stands in for any other one.
            for line in range(0, len(found[source]) - 2, 2):
                for row in found[source][line]:
                    seen[at, row] += 1
                    kept[at, row] += row in found[to][line]
                    chance[at, row] += row in found[to][line + 2]
    means = []
    for at in range(len(DIRECTIONS)):
        total = sum(count for (direction, _), count in seen.items() if direction == at)
        share = lambda counts: sum(count for (direction, _), count in counts.items() if direction == at) / total
        means.append((share(kept), share(chance)))
    out, number = [], 0
    for line in lines:
        if line.startswith("#"):
            out.append(line)
            continue
        digits = ["", ""]
        for at, (mean_kept, mean_chance) in enumerate(means):
            count = seen[at, number]
            of_kept = (kept[at, number] + PRIOR * mean_kept) / (count + PRIOR)
            of_chance = (chance[at, number] + PRIOR * mean_chance) / (count + PRIOR)
            digits[0] += str(min(9, int(of_kept * 10)))
            digits[1] += str(min(9, int(of_chance * 50)))
        out.append("\t".join(rows[number][:3] + digits))
        number += 1
    TABLE.write_text("\n".join(out) + "\n", encoding="utf-8")
    for (source, to), (of_kept, of_chance) in zip(DIRECTIONS, means):
        print(f"{source}-{to}: kept {of_kept:.2f}, chance {of_chance:.3f}")


if __name__ == "__main__":
    main()
