#!/bin/sh
# Translates JSON lines with GNU parallel: blocks of whole lines go to several tlumach at a time, answers come in the order of
# the input. A process a block loads its models, so that blocks should be large.
#
#     JOBS=4 BLOCK=10M sh parallel.sh --field text --from en --to uk --threads 4 < in.jsonl > out.jsonl
#
# The arguments are options of `tlumach translate`; TLUMACH names the program if it is not on the path.
set -eu
# Exit code 1 says that there is something to look at, which is no failure; 2 is one, and is the job's exit code then.
exec parallel --will-cite --pipe --keep-order --quote --jobs "${JOBS:-2}" --block "${BLOCK:-10M}" --halt now,fail=1 \
  sh -c '"$@" || [ $? -eq 1 ]' tlumach "${TLUMACH:-tlumach}" translate - --format jsonl "$@"
