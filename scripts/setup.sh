# Sourced by run.sh, docs.sh and test.sh: makes .venv beside the README and installs sweeper into it.
# setup [test]: with the test tools. What is done already is skipped.
#   PYTHON               the interpreter to use (default: the first of python3.14 … python3 that fits)
#   SWEEPER_TORCH_INDEX  where torch comes from. On a laptop without GPU,
#                        https://download.pytorch.org/whl/cpu saves several GB.

stop() {
  echo "$1" >&2
  exit 1
}

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

setup() {
  local extra=${1:-} version python
  version=$(cksum <pyproject.toml | tr -d ' ')
  if [ -e ".venv/.installed-test-$version" ] || [ -z "$extra" -a -e ".venv/.installed-$version" ]; then
    return
  fi
  if [ ! -x .venv/bin/pip ]; then
    python=$(find_python) || stop "No Python 3.11 or newer found. Install one, or set PYTHON=/path/to/python3."
    "$python" -m venv .venv || stop "$python can't make a virtual environment (Debian: apt-get install python3-venv)."
  fi
  if [ -n "${SWEEPER_TORCH_INDEX:-}" ] && ! .venv/bin/python -c 'import torchvision' 2>/dev/null; then
    .venv/bin/pip install --quiet --index-url "$SWEEPER_TORCH_INDEX" torch torchvision ||
      stop "torch could not be installed from $SWEEPER_TORCH_INDEX. Is there a network?"
  fi
  echo "Installing sweeper into .venv (torch is large: minutes, once) …" >&2
  .venv/bin/pip install --quiet --editable ".[${extra:-ray,torch}]" ||
    stop "sweeper could not be installed. Is there a network? What pip said is above."
  touch ".venv/.installed-${extra:+$extra-}$version"
}

# Makes .venv-lowest: the oldest versions of what sweeper needs, and the newest test tools.
setup_lowest() {
  local version python pip=(.venv-lowest/bin/uv pip install --quiet --python .venv-lowest/bin/python)
  version=$(cksum <pyproject.toml | tr -d ' ')
  if [ -e ".venv-lowest/.installed-$version" ]; then
    return
  fi
  python=$(PYTHON=${PYTHON:-python3.11 python3.12 python3} find_python) ||
    stop "No Python 3.11 or 3.12 found. Install one, or set PYTHON=/path/to/python3."
  "$python" -m venv .venv-lowest
  .venv-lowest/bin/pip install --quiet uv
  "${pip[@]}" --resolution lowest-direct --editable ".[cluster,export,mlflow]"
  "${pip[@]}" --editable ".[test]" # leaves what is there, if it will do
  touch ".venv-lowest/.installed-$version"
}
