"""Runs a searcher in a process of its own on Ray, which loads none of Ray Tune."""

from collections.abc import Sequence
from typing import Any

import ray
from ray.exceptions import RayActorError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweeper.record.sweep_definition import Sweep
from sweeper.space.checks import Config
from sweeper.sweep.core import Question
from sweeper.sweep.failures import describe_failure
from sweeper.sweep.suggestions import suggest, warm_up

_MOST_DEATHS = 3  # of the searcher's process, before one answer


class Apart:
    """Runs a searcher in a process of its own, so that nobody waits for it.

    The process is on this machine, takes none of the CPUs that trials are given, and is started
    again if it dies, unless it does so again and again over the same questions.
    """

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._actor: Any = None
        self._questions: Sequence[Question] = ()
        self._asked: Any = None
        self._deaths = 0  # since the last answer

    def ask(self, questions: Sequence[Question]) -> None:
        """Starts to compute configurations."""
        self._questions = questions
        if self._actor is None:
            here = ray.get_runtime_context().get_node_id()
            self._actor = (
                ray.remote(_SearcherProcess)
                .options(
                    num_cpus=0,
                    scheduling_strategy=NodeAffinitySchedulingStrategy(here, soft=False),
                )
                .remote(self._sweep.without_objective())
            )
        self._asked = self._actor.suggest.remote(questions)

    def answer(self) -> list[Config | None] | None:
        """Returns the answer, as in `Asker`."""
        ready, _ = ray.wait([self._asked], timeout=0)
        if not ready:
            return None
        try:
            configs: list[Config | None] = ray.get(ready[0])
        except RayActorError as error:
            self._deaths += 1
            if self._deaths > _MOST_DEATHS:
                raise ChildProcessError(
                    f"The searcher's process died {self._deaths} times in a row. The last time: "
                    f"{describe_failure(str(error))}"
                ) from error
            self._actor = None
            self.ask(self._questions)
            return None
        self._deaths = 0
        return configs


class _SearcherProcess:
    def __init__(self, sweep: Sweep) -> None:
        warm_up(sweep)
        self._sweep = sweep

    def suggest(self, questions: Sequence[Question]) -> list[Config | None]:
        return suggest(self._sweep, questions)
