#!/usr/bin/env bash
# The first sweep, on all cores: random learning rates for softmax regression on Fashion-MNIST.
# Arguments go to `sweeper run`, e.g.: bash scripts/run.sh --trials 10 --seed 1
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh
setup

have_fashion_mnist() { .venv/bin/python -c 'import sweeper; sweeper.FashionMNIST()' 2>/dev/null; }

data=()
case " $* " in
  *" --data"* | *.yaml\ * | *.yml\ * | *:*) ;; # the caller has chosen
  *)
    if ! have_fashion_mnist; then
      sudo=$([ "$(id -u)" = 0 ] || echo "sudo -n")
      echo "Fashion-MNIST can't be downloaded; trying Debian's package …" >&2
      $sudo apt-get install -y -qq dataset-fashion-mnist >/dev/null 2>&1 || true
      if ! have_fashion_mnist; then
        echo "Fashion-MNIST can't be had here: this sweep runs on the small Digits instead." >&2
        data=(--data digits)
      fi
    fi
    ;;
esac
exec .venv/bin/sweeper run "${data[@]}" --test "$@"
