"""Asks the nodes of the connected Ray before a sweep starts on them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import cloudpickle
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

import sweeper
from sweeper.cluster.ray_internals import own_node
from sweeper.training.fashion_mnist import local_arrays
from sweeper.training.trial import storage_not_shared
from sweeper.worker.versions import differences, versions

_LIMIT_S = 30  # a node that is busy takes seconds to start the process that answers


@dataclass(frozen=True)
class Answer:
    """A node's answer to a question; or the exception that it raised there, or why none came."""

    node: dict[str, Any]  # as in `ray.nodes()`
    value: Any = None
    exception: BaseException | None = None
    silence: str | None = None

    @property
    def name(self) -> str:
        """The node's name, as in the column `node` of the results."""
        return node_name(self.node)


def node_name(node: dict[str, Any]) -> str:
    """Returns host name and start of Ray's node id, since several nodes can share a host."""
    return f"{node['NodeManagerHostname']}-{node['NodeID'][:6]}"


def alive_nodes() -> list[dict[str, Any]]:
    """Returns the nodes that are alive, as in `ray.nodes()`."""
    return [node for node in ray.nodes() if node["Alive"]]


def ask_nodes(
    question: Callable[..., Any],
    *arguments: Any,
    nodes: Sequence[dict[str, Any]] | None = None,
    limit_s: float = _LIMIT_S,
) -> list[Answer]:
    """Returns the answer of each node, all asked at once, in the order of the nodes.

    Args:
        question: A function to run there, on no CPU. It may call others of sweeper: all of them
            travel as they are here, since a node may have another version of sweeper, or none.
        arguments: The function's arguments.
        nodes: The nodes to ask; None for all that are alive.
        limit_s: Seconds after which nodes without an answer count as silent.
    """
    nodes = alive_nodes() if nodes is None else nodes
    if not nodes:
        return []
    task = ray.remote(num_cpus=0, max_retries=0)(question)
    cloudpickle.register_pickle_by_value(sweeper)
    try:
        asked = [
            task.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ).remote(*arguments)
            for node in nodes
        ]
    finally:
        cloudpickle.unregister_pickle_by_value(sweeper)
    ray.wait(asked, num_returns=len(asked), timeout=limit_s)
    return [_answer(node, it, limit_s) for node, it in zip(nodes, asked, strict=True)]


def _answer(node: dict[str, Any], asked: Any, limit_s: float) -> Answer:
    try:
        return Answer(node, value=ray.get(asked, timeout=0))
    except RayTaskError as error:
        return Answer(node, exception=error.cause or error)
    except TimeoutError:
        return Answer(node, silence=f"no answer within {limit_s:g} s")
    except RayError as error:
        return Answer(node, silence=str(error).strip().partition("\n")[0])


def is_alone() -> bool:
    """Checks whether this process has started the only node."""
    return own_node().is_head() and len(alive_nodes()) == 1


def check_versions(say: Callable[[str], None]) -> None:
    """Compares the versions of all nodes with those of this process.

    Nothing is asked if this process has started the only node. A node that doesn't answer is
    reported to `say` but fails no sweep, since nodes may come and go.

    Raises:
        ValueError: some differ; has a line for each node and package.
    """
    if is_alone():
        return
    nodes = alive_nodes()
    here = versions()
    faults = []
    for answer in ask_nodes(versions, nodes=nodes):
        if answer.silence:
            say(f"Note: the versions on {answer.name} are not known: {answer.silence}.")
        elif answer.exception:
            faults.append(f"{answer.name}: its versions can't be read: {answer.exception!r}")
        else:
            faults += [f"{answer.name}: {line}" for line in differences(answer.value, here)]
    if faults:
        raise ValueError(
            "The versions differ, which changes results or fails in odd ways:\n  "
            + "\n  ".join(faults)
            + "\nInstall the driver's versions in the environment that runs `ray start` on these "
            "nodes and start Ray there again, or start the sweep with the nodes' versions."
        )


def nodes_without(path: Path) -> list[str]:
    """Returns the names of nodes that don't see the same file at this place as this one does."""
    here = ray.get_runtime_context().get_node_id()
    others = [node for node in alive_nodes() if node["NodeID"] != here]
    expected = digest_of(str(path.absolute()))
    answers = ask_nodes(digest_of, str(path.absolute()), nodes=others)
    return [answer.name for answer in answers if answer.value != expected]


def digest_of(path: str) -> str | None:
    """Returns the SHA-256 of a file, if there is one."""
    file = Path(path)
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None


def no_checkpoints(folder: Path) -> str | None:
    """Says why trials can't keep checkpoints in the sweep's folder, if they can't."""
    blind = nodes_without(folder / "sweep.json")
    if not blind:
        return None
    return storage_not_shared(folder.absolute(), blind)


def fashion_mnist_for_other_nodes() -> dict[str, Any] | None:
    """Returns the images for nodes that lack them, if this one has them; nothing is downloaded.

    Such nodes may join later, so the present number of nodes does not matter.
    """
    return None if is_alone() else local_arrays()
