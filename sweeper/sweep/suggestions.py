"""Configurations that a searcher works out from results, ahead of the trials that need them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol

from sweeper.record.sweep_definition import Sweep
from sweeper.search.known import Known
from sweeper.search.top_two import SearchOver
from sweeper.space.checks import Config
from sweeper.sweep.core import Core, Question

_ENOUGH = 12  # trials, after which models are used


class Asker(Protocol):
    """Where a searcher works: it is asked, and asked again once it has answered."""

    def ask(self, questions: Sequence[Question]) -> None:
        """Begins to work out configurations."""

    def answer(self) -> list[Config | None] | None:
        """The configurations, None for those after the end; None as long as they are being worked
        out.

        Raises:
            Exception: whatever the searcher raises.
        """


class Here:
    """A searcher that works in this process, while its caller waits.

    In a thread of its own, in which an objective that has been left inside of
    `torch.inference_mode`, `autocast` or `torch.device` has none of these switched on.
    """

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._configs: list[Config | None] = []

    def ask(self, questions: Sequence[Question]) -> None:
        """Works out the configurations."""
        with ThreadPoolExecutor(1) as thread:
            self._configs = thread.submit(suggest, self._sweep, questions).result()

    def answer(self) -> list[Config | None] | None:
        """The configurations that were worked out last."""
        return self._configs


class Suggestions:
    """Asks the searcher for configurations as soon as what it may know has come to light."""

    def __init__(self, core: Core, asker: Asker) -> None:
        self._core = core
        self._asker = asker
        self._asked: list[Question] = []

    def step(self) -> None:
        """Takes what is ready, and asks for the next."""
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
    """The searcher's answers, each of which the next one knows; None once it ends the sweep."""
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
    """Asks for what nobody needs, so that what a searcher's model takes to load is there early."""
    known: list[Known] = []
    with suppress(SearchOver):
        for trial in range(min(_ENOUGH, sweep.num_trials)):
            config = sweep.searcher.config(sweep.space, sweep.seed, trial, known)
            known.append(Known(config, error=float(trial), status="finished"))
