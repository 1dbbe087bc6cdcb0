"""Decides how many trials run at once, as nodes come and go, or are added for the sweep."""

import math
import time
from collections.abc import Iterable, Mapping
from typing import Any

import ray
from ray.util import placement_group_table

from sweeper.cluster.autoscaler import Autoscaler, find_autoscaler
from sweeper.cluster.nodes import alive_nodes
from sweeper.cluster.ray_internals import HEAD
from sweeper.cluster.resources import Resources

_LOOK_EVERY_S = 2.0
_SAY_AFTER_S = 10.0  # seconds in which no trial runs


class Fleet:
    """The workers of a sweep: at each moment as many as are wanted and fit.

    If an autoscaler can add nodes for them, all wanted workers are requested from the start: it
    acts on what waits for a place.

    Args:
        wanted: the largest number of workers; None for all that fit.
        resources: the share of each worker.
        num_trials: the number of trials to run.

    Raises:
        ValueError: a trial fits no node, nor one that an autoscaler could add.
    """

    def __init__(self, wanted: int | None, resources: Resources, num_trials: int) -> None:
        self._wanted = wanted
        self._demand = int(min(wanted or num_trials, num_trials))
        self._resources = resources
        nodes = alive_nodes()
        self._gpus = sum(node["Resources"].get("GPU", 0) for node in nodes)
        self._fit = _count_workers(nodes, resources)
        self._looked = self._idle_since = time.monotonic()
        autoscaler = find_autoscaler(nodes)
        self._types = autoscaler.types_for(resources) if autoscaler else []
        self._most = 0  # with all nodes that the autoscaler may add
        if autoscaler and self._types:
            heads = [node for node in nodes if HEAD in node["Resources"]]
            self._most = _count_workers(heads, resources) + autoscaler.most_workers(resources)
        if not (self._fit or self._most):
            raise ValueError(_fits_nowhere(resources, nodes, autoscaler))

    def limit(self) -> int:
        """Returns how many trials may run or wait for a place: at least 1."""
        return max(1, min(self._demand, max(self._most, self._fit_now())))

    def size(self) -> int:
        """Returns how many workers had a place when the nodes were last looked at: at least 1."""
        return max(1, min(self._demand, self._fit))

    def describe(self, where: str) -> str:
        """Says for instance `2 workers on this machine`, and what differs from what was wanted."""
        limit, fit = self.limit(), self._fit_now()
        workers = f"{limit} {'worker' if limit == 1 else 'workers'}"
        said = f"{workers} on {where}"
        if limit > fit:
            there = f"{fit or 'none'} fit{'s' * (fit < 2)} now"
            rest = "the rest" if fit else "nodes"
            said = f"{workers} wanted on {where}: {there}, the autoscaler is asked for {rest}"
        most = max(self._most, fit)
        if self._wanted is not None and self._wanted > most:
            ever = " on all nodes that it may bring" if self._most > fit else ""
            said += f" (num_workers={self._wanted}: only {most} fit{ever}: using {most})"
        if self._gpus and not self._resources.gpus:
            said += f". No trial uses a GPU of the {self._gpus:g} there: Resources(gpus=…), --gpus"
        return said

    def waiting_for(self, something_runs: bool) -> str | None:
        """Says what keeps all trials from starting: once, after a while in which none runs."""
        self._fit_now()  # for `size`, which must not wait for Ray
        now = time.monotonic()
        if something_runs:
            self._idle_since = max(self._idle_since, now)
        if now - self._idle_since <= _SAY_AFTER_S:
            return None
        waiting_for = self._lack()
        self._idle_since = math.inf if waiting_for else now
        return waiting_for

    def _lack(self) -> str | None:
        job = ray.get_runtime_context().get_job_id()  # the ids of its placement groups end with it
        table = placement_group_table()
        if "CREATED" in {group["state"] for name, group in table.items() if name.endswith(job)}:
            return None  # there is a place, and a worker starts on it
        need = self._resources.describe()
        asked = f"the autoscaler is asked for {self.limit()} × ({need})"
        if not self._fit_now():
            brings = f"{asked}, which it can bring as {' or '.join(self._types)}"
            return f"Waiting for a node with {need}: {brings if self._most else 'there is none'}."
        used = _used(self._resources)
        if not used:
            return None
        return f"Waiting for {need}: others use {used}{f'; {asked}' if self._most else ''}."

    def _fit_now(self) -> int:
        now = time.monotonic()
        if now - self._looked > _LOOK_EVERY_S:
            self._looked = now
            self._fit = count_workers(self._resources)
        return self._fit


def count_workers(resources: Resources) -> int:
    """Counts the workers that fit on the present nodes."""
    return _count_workers(alive_nodes(), resources)


def _count_workers(nodes: Iterable[Mapping[str, Any]], resources: Resources) -> int:
    return sum(resources.fit_on(node["Resources"]) for node in nodes)


def _used(resources: Resources) -> str:
    """Says for instance `4 of 4 CPUs`, of the kinds that a trial needs; empty if all are free."""
    total, free = ray.cluster_resources(), ray.available_resources()
    kinds = [kind for kind, need in (("CPU", resources.cpus), ("GPU", resources.gpus)) if need]
    used = {kind: total.get(kind, 0) - free.get(kind, 0) for kind in kinds}
    return " and ".join(
        f"{count:g} of {total[kind]:g} {kind}s" for kind, count in used.items() if count > 0
    )


def _fits_nowhere(
    resources: Resources, nodes: list[dict[str, Any]], autoscaler: Autoscaler | None
) -> str:
    there = _list((node["NodeManagerHostname"], node["Resources"]) for node in nodes)
    said = f"resources: a trial needs {resources.describe()}, but there is only {there}"
    if autoscaler is None:
        return f"{said}. Ask for less, or add a node that has them."
    types = _list((n, have) for n, have in autoscaler.node_types.items() if autoscaler.counts[n])
    return f"{said}, and the autoscaler brings only {types or 'nothing'}. Ask for less."


def _list(nodes: Iterable[tuple[str, Mapping[str, float]]]) -> str:
    return "; ".join(
        f"{name} with {have.get('CPU', 0):g} CPUs and {have.get('GPU', 0):g} GPUs"
        for name, have in nodes
    )
