#!/bin/sh
# The main job on the samples with real weights: reports into English, everything summarized in English,
# one English article into Ukrainian and Korean, and, with a small model of a pair, into Portuguese. Findings (exit code 1) are part of a run and do not stop the demo.
set -eu
model=qwen2.5-coder-1.5b-instruct
out=${OUT:-out}
mkdir -p "$out"
"$TLUMACH" models pull "$model" bergamot-tiny-en-pt > /dev/null

run() {
  echo "\$ tlumach $*"
  code=0
  "$TLUMACH" "$@" || code=$?
  [ "$code" -le 1 ] || exit "$code"
  for report in "$@"; do :; done
  python3 - "$report" << 'PYTHON'
import json, sys
totals = json.load(open(sys.argv[1]))["totals"]
seconds = totals["elapsed_ms"] / 1000
words = totals["source_words"] / max(seconds - totals["load_ms"] / 1000, 0.001)
print(f"  {totals['articles']} articles in {seconds:.0f} s, {words:.1f} words a second; {totals['with_findings']} with findings")
PYTHON
}

run translate samples/uk/front-line.txt samples/ko/typhoon.txt --to en --drop-boilerplate --model "$model" \
  --output "$out/english" --report "$out/english.json"
run summarize samples/en samples/uk samples/ko --to en --model "$model" --output "$out/summaries" --report "$out/summaries.json"
for language in uk ko; do
  run translate samples/en/aid-convoy.txt --to "$language" --model "$model" \
    --output "$out/$language/" --report "$out/$language.json"
done
run translate samples/en --to pt --model bergamot-tiny-en-pt --output "$out/pt/" --report "$out/pt.json"

echo
echo "Results:"
find "$out" -type f | sort | sed 's/^/  /'
