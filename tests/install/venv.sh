#!/bin/sh
# Make the virtual environment; say what is missing if that cannot be done.
set -eu
if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "error: $PYTHON is not Python 3.11 or later; name one: make PYTHON=/path/to/python3.11" >&2
  exit 1
fi
if ! "$PYTHON" -c 'import ensurepip' 2>/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
  else
    echo "error: Python cannot make virtual environments; run: sudo apt-get install python3-venv" >&2
    exit 1
  fi
fi
"$PYTHON" -m venv "$VENV"
