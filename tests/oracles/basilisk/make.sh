#!/bin/sh
# Builds sunlit fractions around the Earth's shadow and the power of a flat panel,
# with bsk==2.12.1 in an environment of its own that is thrown away afterwards.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet "bsk==2.12.1"
"$room/venv/bin/python" "$here/build_shadow.py"
"$room/venv/bin/python" "$here/build_panel.py"
