#!/usr/bin/env bash
# Runs the tests.
#   bash scripts/test.sh            all that run on this machine alone, in two processes
#   bash scripts/test.sh --fast     those of them that start no Ray, in about a minute
#   bash scripts/test.sh --lab      those on several nodes and hosts, and of Ray killed all the time
#   bash scripts/test.sh --lowest   those, and a few sweeps on Ray, with the oldest versions that
#                                   pyproject.toml allows, in .venv-lowest
#   bash scripts/test.sh -k grid    all other arguments go to pytest
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh
# Hundreds of processes would each compile sweeper, and pytest all tests.
unset PYTHONDONTWRITEBYTECODE
# Two processes at a time have a core each: more threads would wait for each other.
export OMP_NUM_THREADS=1
both=(--numprocesses 2 --dist loadfile --no-loadscope-reorder)
# A test that hangs is ended, with a traceback of each thread, and the run with it: pytest-xdist
# would try it again, for eight times.
ends=(--max-worker-restart 0 -o faulthandler_timeout=600 -o faulthandler_exit_on_timeout=true)

if [ "${1:-}" = --lowest ]; then
  setup_lowest
  .venv-lowest/bin/python -m pytest "${both[@]}" "${ends[@]}" -m fast
  exec .venv-lowest/bin/python -m pytest "${both[@]}" "${ends[@]}" -m lowest
fi

setup test
case "${1:-}" in
  --fast) set -- "${both[@]}" -m fast ;;
  --lab) set -- "${both[@]}" "${ends[@]}" -m lab ;;
  "") set -- "${both[@]}" "${ends[@]}" -m "not lab" --durations 40 ;;
esac
exec .venv/bin/python -m pytest "$@"
