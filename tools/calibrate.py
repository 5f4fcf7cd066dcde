#!/usr/bin/env python3
"""Fits and tests the weights of `src/quality/confidence.rs` on translations with references.

Each argument is REPORT=REFERENCE: the JSON report of `tlumach translate --segment line --retry off`, and the lines it
should have written. Of every four lines one is damaged as `tools/damage.py` does it and read again by `tlumach check`. A
segment counts as good if it was not damaged and its chrF against the reference reaches the limit of its language. Odd
lines fit the weights, even lines are the test: the table says which share of the segments with a confidence was good.
Standard library only.

    tools/calibrate.py --program tlumach en-fr.json=ntrex.fr en-pt.json=ntrex.pt
"""

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import damage
from fit_length import characters

NOTHING = {"copied_source", "wrong_language", "empty_output", "not_translated"}
LIMIT = defaultdict(lambda: 40.0, ko=20.0)


def chrf(output, reference, order=6, beta=2.0):
    """chrF of a sentence, 0 to 100: mean of character n-gram precision and recall, white space left out."""
    output, reference = "".join(output.split()), "".join(reference.split())
    precisions, recalls = [], []
    for n in range(1, order + 1):
        grams = lambda text: Counter(text[i : i + n] for i in range(len(text) - n + 1))
        left, right = grams(output), grams(reference)
        if not left or not right:
            continue
        shared = sum((left & right).values())
        precisions.append(shared / sum(left.values()))
        recalls.append(shared / sum(right.values()))
    if not precisions:
        return 0.0
    p, r = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    return 100 * (1 + beta**2) * p * r / (beta**2 * p + r) if p + r else 0.0


# Mean and variance of the logarithm of the lengths' ratio, as in src/quality/length.rs.
def deviation(source, output, direction):
    mean, steady, short = LENGTHS.get(direction, (0.0, 0.06, 3.0))
    a, b = (characters(text.strip(), language) for text, language in zip((source, output), direction))
    if a < 12 or b == 0:
        return 0.0
    return min(max(abs((math.log(b / a) - mean) / math.sqrt(steady + short / a)) - 1.0, 0.0), 5.0)


LENGTHS = {}


def lengths(path):
    """Reads the table of the Rust source, so that both use the same."""
    import re

    for a, b, *figures in re.findall(r'\("(\w+)", "(\w+)"\) => \(([-\d.]+), ([-\d.]+), ([-\d.]+)[,)]', path.read_text()):
        LENGTHS[a, b] = tuple(map(float, figures))


KINDS = [damage.loop, damage.truncated, damage.digit, damage.number_word, damage.date, damage.unit, damage.mixed_script, damage.negation, damage.name, damage.sentence_dropped]


def damaged(segments, direction, seed):
    """Some of the outputs with one damage each, by their numbers."""
    to = direction[1]
    names = sorted({m.group() for s in segments for m in damage.names_of(s["output"], to)}) if to in damage.LANGUAGES else []
    found = {}
    for number, segment in enumerate(segments):
        rng = random.Random(f"{seed} {number}")
        if rng.random() >= 0.25:
            continue
        kinds = KINDS[:]
        rng.shuffle(kinds)
        for kind in kinds:
            row = damage.Row(segment["source"], segment["output"], "", to, names)
            try:
                output = kind(row, rng)
            except KeyError:
                continue  # nothing is known of this language
            if output and output.strip() and output != segment["output"]:
                found[number] = " ".join(output.split())
                break
    return found


def check(program, pairs, direction):
    """The findings of `tlumach check` about pairs of lines."""
    with tempfile.TemporaryDirectory() as place:
        source, output, report = (Path(place) / name for name in ["source.txt", "output.txt", "report.json"])
        source.write_text("".join(" ".join(s.split()) + "\n" for s, _ in pairs), encoding="utf-8")
        output.write_text("".join(o + "\n" for _, o in pairs), encoding="utf-8")
        command = [program, "check", source, output, "--from", direction[0], "--to", direction[1], "--segment", "line", "--report", report, "-qq"]
        if subprocess.run(command).returncode not in (0, 1):
            sys.exit(f"{program} check failed; expected exit code 0 or 1")
        return [segment["findings"] for segment in json.loads(report.read_text(encoding="utf-8"))["articles"][0]["segments"]]


def rows(program, report, reference):
    whole = json.loads(Path(report).read_text(encoding="utf-8"))
    article = whole["articles"][0]
    direction = (article["language"]["used"], whole["options"]["to"])
    segments = article["segments"]
    lines = [line for line in Path(reference).read_text(encoding="utf-8").splitlines() if line.strip()][: len(segments)]
    if len(lines) != len(segments):
        sys.exit(f"{report}: expected {len(segments)} reference lines, got {len(lines)}")
    changed = damaged(segments, direction, Path(report).stem)
    order = sorted(changed)
    again = dict(zip(order, check(program, [(segments[n]["source"], changed[n]) for n in order], direction)))
    for number, (segment, line) in enumerate(zip(segments, lines)):
        findings = again.get(number, segment["findings"])
        output = changed.get(number, segment["output"])
        codes = Counter(f["severity"] for f in findings)
        useless = any(f["code"] in NOTHING for f in findings)
        score = segment["score"]
        log = max(math.log(score), -4.0) if score else None
        features = [1.0, log or 0.0, min(codes["error"], 3), min(codes["warning"], 3), deviation(segment["source"], output, direction)]
        good = number not in changed and chrf(output, line) >= LIMIT[direction[1]]
        yield number + 1, features, log is not None, useless, good


def fit(data, used):
    """Logistic regression by gradient descent with a little shrinkage; features that are not `used` stay at 0."""
    weights = [0.0] * 5
    for step in range(4000):
        gradient = [0.002 * w for w in weights]
        for features, good in data:
            p = 1 / (1 + math.exp(-sum(w * f for w, f in zip(weights, features))))
            for i in used:
                gradient[i] += (p - good) * features[i] / len(data)
        weights = [w - 0.5 * g for w, g in zip(weights, gradient)]
    return weights


def confidence(weights, features, useless):
    return 0.01 if useless else max(0.01, 1 / (1 + math.exp(-sum(w * f for w, f in zip(weights, features)))))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="+", metavar="REPORT=REFERENCE")
    parser.add_argument("--program", default="tlumach")
    arguments = parser.parse_args()
    lengths(Path(__file__).parent.parent / "src/quality/length.rs")
    sets = {}
    for pair in arguments.pairs:
        report, _, reference = pair.partition("=")
        sets[Path(report).stem] = list(rows(arguments.program, report, reference))
    for name, used in [("scored", [0, 1, 2, 3, 4]), ("unscored", [0, 2, 3, 4])]:
        pick = lambda f: [v if i in used else 0.0 for i, v in enumerate(f)]
        train = [(pick(f), good) for data in sets.values() for n, f, known, useless, good in data if n % 2 and known and not useless]
        weights = fit(train, used)
        print(name, "bias, log probability, error, warning, length:", " ".join(f"{w:.2f}" for w in weights))
        for which in ["all", *sets]:
            table = defaultdict(list)
            for key, data in sets.items():
                if which in ("all", key):
                    for n, f, known, useless, good in data:
                        if n % 2 == 0:
                            c = confidence(weights, pick(f), useless)
                            table[min(int(c * 5), 4)].append((c, good))
            cells = [f"{b / 5:.1f}-{(b + 1) / 5:.1f}: {100 * sum(g for _, g in t) / len(t):.0f} % of {len(t)}" for b, t in sorted(table.items())]
            every = [x for t in table.values() for x in t]
            error = sum((c - g) ** 2 for c, g in every) / len(every)
            share = sum(g for _, g in every) / len(every)
            print(f"  {which:28} good {100 * share:.0f} %, Brier {error:.3f} (base {share * (1 - share):.3f}); {'; '.join(cells)}")


if __name__ == "__main__":
    main()
