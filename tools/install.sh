#!/bin/sh
# Install a pinned requirements file and the project itself into a virtual environment: with uv, or with pip alone.
set -eu
venv=$1 pins=$2
if [ -x "$venv/bin/uv" ]; then
    "$venv/bin/uv" pip install -q --python "$venv/bin/python" --require-hashes -r "$pins"
    "$venv/bin/uv" pip install -q --python "$venv/bin/python" --no-deps -e .
else
    "$venv/bin/python" -m pip install -q --compile --require-hashes -r "$pins"
    "$venv/bin/python" -m pip install -q --no-deps -e .
fi
"$venv/bin/python" -m compileall -q src
