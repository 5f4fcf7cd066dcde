#!/bin/sh
# The main job on the samples with real weights: a Ukrainian and a Korean report into English, a report in each language
# summarized in English, an English article into Ukrainian and Korean in one job, and, with a small model of a pair, pages,
# feeds, data and subtitles into Portuguese. Findings (exit code 1) are part of a run and do not stop the demo.
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
  # A job into several languages has a report of each.
  python3 - "${report%.json}" << 'PYTHON'
import glob, json, sys
for name in sorted(glob.glob(sys.argv[1] + ".json") + glob.glob(sys.argv[1] + ".??.json")):
    totals = json.load(open(name))["totals"]
    seconds = totals["elapsed_ms"] / 1000
    words = totals["source_words"] / max(seconds - totals["load_ms"] / 1000, 0.001)
    print(f"  {totals['articles']} articles in {seconds:.0f} s, {words:.1f} words a second; {totals['with_findings']} with findings")
PYTHON
}

run translate samples/uk/front-line.txt samples/ko/typhoon.txt --to en --drop-boilerplate --model "$model" \
  --output "$out/english" --report "$out/english.json"
run summarize samples/en/glacier.txt samples/uk/court.txt samples/ko/shipyard.txt --to en --model "$model" \
  --output "$out/summaries" --report "$out/summaries.json"
run translate samples/en/aid-convoy.txt --to uk,ko --model "$model" --output "$out/convoy" --report "$out/convoy.json"
run translate samples/en --to pt --model bergamot-tiny-en-pt --output "$out/pt" --report "$out/pt.json"

echo
echo "Results:"
find "$out" -type f | sort | sed 's/^/  /'
