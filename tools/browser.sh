#!/bin/sh
# Sees to it that chromium and chromedriver are there: asks Debian's or Ubuntu's packages where this may, else says what is missing.
set -eu
missing=
for program in chromium chromedriver; do
  command -v "$program" > /dev/null || missing="$missing $program"
done
[ -n "$missing" ] || exit 0
if command -v apt-get > /dev/null && [ "$(id -u)" = 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq || true
  # Without a font for Korean its letters are boxes; nothing else depends on it.
  apt-get install -y -qq chromium chromium-driver fonts-noto-cjk > /dev/null || true
fi
missing=
for program in chromium chromedriver; do
  command -v "$program" > /dev/null || missing="$missing $program"
done
if [ -n "$missing" ]; then
  echo "make test-browser: not found:$missing" >&2
  echo "Install Chromium and the chromedriver of the same version, for example: sudo apt-get install chromium chromium-driver" >&2
  exit 1
fi
