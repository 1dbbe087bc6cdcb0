"""Computes a searcher's next configurations from results, before trials need them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol

from sweeper.record.sweep_definition import Sweep
from sweeper.search.known import Known
from sweeper.search.top_two import SearchOver
from sweeper.space.checks import Config
from sweeper.sweep.core import Core, Question

_ENOUGH = 12  # trials; from then on models are used


class Asker(Protocol):
    """The interface to a searcher: ask it, and ask again once it has answered."""

    def ask(self, questions: Sequence[Question]) -> None:
        """Starts to compute configurations."""

    def answer(self) -> list[Config | None] | None:
        """Returns the configurations, None for those after the end; None as long as they are being
        computed.

        Raises:
            Exception: whatever the searcher raises.
        """


class Here:
    """Runs a searcher in this process, while its caller waits.

    It uses a thread of its own, which is not affected if an objective was left inside of
    `torch.inference_mode`, `autocast` or `torch.device`.
    """

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._configs: list[Config | None] = []

    def ask(self, questions: Sequence[Question]) -> None:
        """Computes the configurations."""
        with ThreadPoolExecutor(1) as thread:
            self._configs = thread.submit(suggest, self._sweep, questions).result()

    def answer(self) -> list[Config | None] | None:
        """Returns the configurations that were computed last."""
        return self._configs


class Suggestions:
    """Asks the searcher for configurations as soon as all that it may know has come to light."""

    def __init__(self, core: Core, asker: Asker) -> None:
        self._core = core
        self._asker = asker
        self._asked: list[Question] = []

    def step(self) -> None:
        """Takes answers that are ready, and asks for the next ones."""
        while True:
            if self._asked:
                configs = self._asker.answer()
                if configs is None:
                    return
                for question, config in zip(self._asked, configs, strict=True):
                    self._core.answer(question.trial, config)
            self._asked = self._core.questions()
            if not self._asked:
                return
            self._asker.ask(self._asked)


def suggest(sweep: Sweep, questions: Sequence[Question]) -> list[Config | None]:
    """Returns the searcher's answers, each known to the next one; None once it ends the sweep."""
    configs: dict[int, Config] = {}
    for question in questions:
        known = [
            Known(configs[trial]) if one is None else one
            for trial, one in enumerate(question.known)
        ]
        try:
            configs[question.trial] = sweep.searcher.config(
                sweep.space, sweep.seed, question.trial, known
            )
        except SearchOver:
            break
    return [configs.get(question.trial) for question in questions]


def warm_up(sweep: Sweep) -> None:
    """Asks for an unused configuration, so that what a searcher's model needs is loaded early.

    An exception is left to the first answer that is needed.
    """
    known: list[Known] = []
    with suppress(Exception):
        for trial in range(min(_ENOUGH, sweep.num_trials)):
            config = sweep.searcher.config(sweep.space, sweep.seed, trial, known)
            known.append(Known(config, error=float(trial), status="finished"))
