"""Draws random configurations from a configuration space: `draw`."""

import functools
import hashlib
import time

import numpy as np

from sweeper.space.checks import Config, ConfigSpace
from sweeper.space.expressions import InactiveError, parse
from sweeper.space.space import Space

LEAST_SHARE = 1 / 1000  # of random configurations that fulfil the constraints
_MOST_ATTEMPTS = 20_000  # if 1 in 1,000 fulfils them, none of these does with a probability of 2e-9
_SAMPLE_S = 3.0  # of computing

# Random configurations. Each value is a pure function of (seed, name, trial): a counter-based
# generator (Philox, Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") is keyed by
# seed and name and counts trials, so more trials or hyperparameters change nothing there was.


def uniform_draw(seed: int, name: str, trial: int, attempt: int = 0) -> float:
    """Returns u with 0 < u < 1, both exclusive, for one hyperparameter of one trial."""
    purpose = b"hyperparameter:" + name.encode("utf-8", "surrogatepass")
    raw = _random_word(seed, purpose, trial, attempt)
    # The middles of 2**52 equal parts: 52 bits and the half fill the 53 of a float, so u is exact
    # and never 0 or 1, where many distributions are infinite.
    return ((raw >> 12) + 0.5) * 2.0**-52


def draw(config_space: ConfigSpace | Space, seed: int, trial: int) -> Config:
    """Returns the random configuration of a trial (counted from 0), a copy the caller may modify.

    With constraints it is the first of the trial's attempts that fulfils them all.

    Raises:
        ValueError: fewer than 1 in 1,000 random configurations fulfil the constraints.
    """
    space = config_space if isinstance(config_space, Space) else Space(dict(config_space))
    if not space.constraints:
        return space.at(_Draws(seed, trial, 0))
    for attempt in range(_MOST_ATTEMPTS):
        config = space.at(_Draws(seed, trial, attempt))
        if space.fulfils(config):
            return config
        if attempt == 1000 and (fault := share_fault(space)):
            raise ValueError(fault)
    raise ValueError(
        f"trial {trial}: none of {_MOST_ATTEMPTS:,} random configurations fulfils the constraints "
        f"{list(space.constraints)}. Loosen them, or narrow the space."
    )


def sample(space: Space, seed: int, n: int) -> list[Config]:
    """Returns random configurations that fulfil the constraints: at most n, from 5 n draws.

    They are fewer, the first of them, where n take more than 3 s: SciPy searches for a quantile of
    some distributions for 0.1 s.
    """
    end_s = time.process_time() + _SAMPLE_S
    found = []
    for trial in range(5 * n):
        config = space.at(_Draws(seed, trial, 0))
        found += [config] if space.fulfils(config) else []
        if len(found) == n or (found and time.process_time() > end_s):
            break
    return found


@functools.lru_cache(maxsize=64)
def share_fault(space: Space) -> str | None:
    """Says if fewer than 1 in 1,000 random configurations fulfil the constraints; else None.

    Draws until 20 fulfil them, at most 20,000 times; the draws are always the same.
    """
    hits, of_each = 0, dict.fromkeys(space.constraints, 0)
    for n in range(1, _MOST_ATTEMPTS + 1 if space.constraints else 1):
        config = space.at(_Draws(0, n, _MOST_ATTEMPTS))
        held = [text for text in space.constraints if space.fulfils(config, text)]
        for text in held:
            of_each[text] += 1
        hits += len(held) == len(of_each)
        if hits == _MOST_ATTEMPTS * LEAST_SHARE:
            return None
    if not space.constraints:
        return None
    rarest = min(of_each, key=lambda text: of_each[text])
    why = "" if of_each[rarest] else _why_never(space, rarest)
    least = f" {rarest!r} alone holds in {of_each[rarest]:,}." if len(of_each) > 1 else ""
    return (
        f"constraints: at least 1 in {1 / LEAST_SHARE:,.0f} random configurations must fulfil "
        f"them, but {list(of_each)} hold in {hits} of {n:,} ({hits / n:.3%}).{least}{why} "
        "Loosen them, or narrow the space to where they hold."
    )


def _why_never(space: Space, text: str) -> str:
    """Explains why a constraint can never be computed; empty if that is not the reason."""
    constraint = parse(text, True)
    reasons = set()
    for n in range(100):
        try:
            constraint.function(space.at(_Draws(0, n, _MOST_ATTEMPTS)))
            return ""
        except InactiveError:
            continue
        except ArithmeticError as error:
            reasons.add(str(error))
    return f" {text!r} can't be computed: {', '.join(sorted(reasons))}." if reasons else ""


class _Draws(dict):
    """The uniform draws of a trial by name, each made when it is first looked up."""

    def __init__(self, seed: int, trial: int, attempt: int) -> None:
        self.seed, self.trial, self.attempt = seed, trial, attempt

    def __missing__(self, name: str) -> float:
        return uniform_draw(self.seed, name, self.trial, self.attempt)


def trial_seed(seed: int, trial: int, replicate: int = 0) -> int:
    """Returns the seed of one trial, 0 <= trial_seed < 2**32."""
    return _random_word(seed, b"trial_seed", trial, replicate) >> 32


def _random_word(seed: int, purpose: bytes, *counter: int) -> int:
    """Returns 64 random bits."""
    key = [seed, int.from_bytes(hashlib.sha256(purpose).digest()[:8], "big")]
    counters = np.array((*counter, 0, 0, 0)[:4], dtype=np.uint64)
    return int(np.random.Philox(key=np.array(key, dtype=np.uint64), counter=counters).random_raw())
