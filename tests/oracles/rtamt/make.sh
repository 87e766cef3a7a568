#!/bin/sh
# Builds robustness values of temporal formulas over drawn signals,
# with rtamt==0.4.10 in an environment of its own that is thrown away afterwards.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet "rtamt==0.4.10"
"$room/venv/bin/python" "$here/build_robustness.py"
