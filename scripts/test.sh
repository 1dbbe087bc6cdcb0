#!/usr/bin/env bash
# Runs all tests. Arguments go to pytest, e.g.: bash scripts/test.sh -k grid
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh
setup test
exec .venv/bin/python -m pytest "$@"
