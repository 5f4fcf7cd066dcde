#!/bin/sh
# The main job on the samples with real weights: reports into English, everything summarized in English,
# one English article into Ukrainian and Korean. Findings (exit code 1) are part of a run and do not stop the demo.
set -eu
model=qwen2.5-coder-1.5b-instruct
out=${OUT:-out}
mkdir -p "$out"
"$TLUMACH" models pull "$model" > /dev/null

run() {
  echo "\$ tlumach $*"
  started=$(date +%s)
  code=0
  "$TLUMACH" "$@" || code=$?
  [ "$code" -le 1 ] || exit "$code"
  echo "  took $(( $(date +%s) - started )) s$([ "$code" -eq 0 ] || echo ', with findings: see the report')"
}

run translate samples/uk/front-line.txt samples/ko/typhoon.txt --to en --drop-boilerplate --model "$model" \
  --output "$out/english" --report "$out/english.json"
run summarize samples --to en --model "$model" --output "$out/summaries" --report "$out/summaries.json"
for language in uk ko; do
  run translate samples/en/aid-convoy.txt --to "$language" --model "$model" \
    --output "$out/$language/" --report "$out/$language.json"
done

echo
echo "Results:"
find "$out" -type f | sort | sed 's/^/  /'
