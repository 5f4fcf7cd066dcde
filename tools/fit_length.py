#!/usr/bin/env python3
"""Fits the length model of `src/quality/length.rs` to aligned sentences.

The logarithm of output characters over source characters is taken as normal, with one mean a direction and a variance of
`steady + short / source characters`. Both variances and the mean are those of greatest likelihood; the tails are cut at
three deviations and the fit repeated, so that free renderings do not widen it. Only lines with an odd number are read:
the even ones stay for measuring. Reads `SET.LANG` files as `tools/damage.py` does. Standard library only.

    tools/fit_length.py FOLDER --sets flores200.dev ntrex128.part1
"""

import argparse
import math
import re
import sys
from pathlib import Path

LANGUAGES = ["en", "uk", "ko"]
DIRECTIONS = [("en", "uk"), ("en", "ko"), ("uk", "en"), ("ko", "en"), ("uk", "ko"), ("ko", "uk")]
LEAST_CHARACTERS = 12


def read(folder, sets):
    """Odd lines of all sets by language."""
    lines = {language: [] for language in LANGUAGES}
    for name in sets:
        for language in LANGUAGES:
            path = folder / f"{name}.{language}"
            try:
                text = path.read_text(encoding="utf-8")
            except OSError as error:
                sys.exit(f"cannot read {path}: {error.strerror}; expected one sentence a line")
            lines[language] += text.splitlines()[::2]
    return lines


def characters(text, language):
    """As `src/quality/length.rs` counts: without the originals of foreign names that Korean puts in brackets."""
    if language == "ko":
        text = re.sub(r"(?<=[가-힣])(\s*)\([^\W\d_가-힣][^)가-힣]*\)", r"\1", text)
    return len(text)


def loss(pairs, mean, steady, short):
    """Negative log-likelihood, without its constant."""
    total = 0.0
    for ratio, length in pairs:
        variance = steady + short / length
        total += math.log(variance) + (ratio - mean) ** 2 / variance
    return total / 2


def fit(pairs):
    """Mean, steady and short of greatest likelihood: coordinate search with shrinking steps."""
    values = [sum(r for r, _ in pairs) / len(pairs), 0.02, 1.5]
    kept = pairs
    for _ in range(3):
        steps = [0.1, 0.01, 0.8]
        best = loss(kept, *values)
        while steps[2] > 0.005:
            moved = False
            for index in range(3):
                for sign in (1, -1):
                    trial = list(values)
                    trial[index] += sign * steps[index]
                    if trial[1] < 0.001 or trial[2] < 0.05:
                        continue
                    score = loss(kept, *trial)
                    if score < best - 1e-9:
                        best, values, moved = score, trial, True
            if not moved:
                steps = [step / 2 for step in steps]
        mean, steady, short = values
        kept = [(r, n) for r, n in pairs if abs(r - mean) < 3 * math.sqrt(steady + short / n)]
    return values


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with SET.en, SET.uk, SET.ko")
    parser.add_argument("--sets", nargs="+", default=["flores200.dev", "ntrex128.part1"])
    arguments = parser.parse_args()
    lines = read(arguments.folder, arguments.sets)
    for source, to in DIRECTIONS:
        pairs, headlines = [], []
        for before, after in zip(lines[source], lines[to]):
            before, after = before.strip(), after.strip()
            if len(before) >= LEAST_CHARACTERS and after:
                length = characters(before, source)
                pair = (math.log(characters(after, to) / length), length)
                ended = re.search(r"[.!?…:;。]['\"»”’“)\]]*$", before)
                (pairs if ended else headlines).append(pair)
        mean, steady, short = fit(pairs)
        line = f'("{source}", "{to}") => ({mean:.3f}, {steady:.4f}, {short:.2f})'
        z = sorted((r - mean) / math.sqrt(steady + short / n) for r, n in headlines)
        mid = z[len(z) // 2]
        wide = math.sqrt(sum(v * v for v in z) / len(z))
        far = [sum(1 for r, n in pairs if abs(r - mean) > k * math.sqrt(steady + short / n)) for k in (3, 3.6, 4.5, 5.5)]
        print(f"{line}  n {len(pairs)}, beyond 3, 3.6, 4.5, 5.5: {far}; headlines {len(z)}: median {mid:.2f}, root mean square {wide:.2f}")


if __name__ == "__main__":
    main()
