#!/usr/bin/env bash
# Builds the documentation into build/docs; a warning is an error. Open build/docs/index.html.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh
setup test
exec .venv/bin/python -m sphinx --fail-on-warning --keep-going --quiet "$@" docs build/docs
