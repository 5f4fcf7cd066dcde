#!/bin/sh
# Fetches the checkpoints that the tests on real weights use, and links them under $WEIGHTS by name.
set -eu
mkdir -p "$WEIGHTS"
for name in opus-mt-en-fr opus-mt-fr-en bergamot-tiny-en-pt bergamot-tiny-pt-en; do
  "$TLUMACH" models pull "$name" > "$WEIGHTS/$name.paths"
  rm -rf "${WEIGHTS:?}/$name"
  mkdir -p "$WEIGHTS/$name"
  while read -r path; do ln -sf "$path" "$WEIGHTS/$name/$(basename "$path")"; done < "$WEIGHTS/$name.paths"
done
for name in smollm2-135m-instruct gemma-3-270m; do
  # The terms of Gemma have to be accepted; only tests of the family use it.
  "$TLUMACH" models pull --accept-license "$name" > "$WEIGHTS/$name.paths"
  short=$(echo "$name" | sed 's/-instruct$//')
  ln -sf "$(head -n 1 "$WEIGHTS/$name.paths")" "$WEIGHTS/$short.gguf"
done
for name in qwen2.5-coder-0.5b-instruct qwen2.5-coder-1.5b-instruct; do
  "$TLUMACH" models pull "$name" > "$WEIGHTS/$name.paths"
  short=$(echo "$name" | sed 's/-instruct$//')
  ln -sf "$(head -n 1 "$WEIGHTS/$name.paths")" "$WEIGHTS/$short.gguf"
done
