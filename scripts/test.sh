#!/usr/bin/env bash
# Runs all tests, in two processes, since most of them wait for Ray to start and to stop.
# Arguments go to pytest instead, e.g.: bash scripts/test.sh -k grid
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh
setup test
if [ $# = 0 ]; then
  set -- --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations 40
fi
exec .venv/bin/python -m pytest "$@"
