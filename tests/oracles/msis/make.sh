#!/bin/sh
# Builds global means of the upper atmosphere's density,
# with pymsis==0.13.0 in an environment of its own that is thrown away afterwards.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet "pymsis==0.13.0"
"$room/venv/bin/python" "$here/build_density.py"
