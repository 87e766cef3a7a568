#!/bin/sh
# Builds the proton flux table, AP8 at scattered points and orbit means of AE8 and AP8,
# with aep8==1.1.0 in an environment of its own that is thrown away afterwards.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet "aep8==1.1.0"
"$room/venv/bin/python" "$here/build_flux_table.py"
"$room/venv/bin/python" "$here/build_proton_points.py"
"$room/venv/bin/python" "$here/build_orbit_means.py"
