#!/usr/bin/env bash
# The first sweep, on all cores: random learning rates for softmax regression on Fashion-MNIST.
# Arguments go to `sweeper run`, e.g.: bash scripts/run.sh --trials 10 --seed 1
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh
setup

own=false # whether the caller brings an objective or chooses the data
for argument in "$@"; do
  case $argument in
    --data | --data=* | *.yaml | *.yml | *.py:* | [a-z]*:[a-z]*) own=true ;;
  esac
done
if $own; then
  exec .venv/bin/sweeper run "$@"
fi

have_fashion_mnist() { .venv/bin/python -c 'import sweeper; sweeper.FashionMNIST()' 2>.venv/fashion_mnist.log; }

data=fashion_mnist
if ! have_fashion_mnist; then
  echo "Fashion-MNIST can't be had (why: .venv/fashion_mnist.log); trying Debian's package …" >&2
  sudo=$([ "$(id -u)" = 0 ] || echo "sudo -n")
  { $sudo apt-get update -qq && $sudo apt-get install -y -qq dataset-fashion-mnist; } >/dev/null 2>&1 || true
  if ! have_fashion_mnist; then
    echo "Fashion-MNIST can't be had here: this sweep runs on the small Digits instead." >&2
    data=digits
  fi
fi
exec .venv/bin/sweeper run --data "$data" --test "$@"
