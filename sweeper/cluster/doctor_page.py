"""Formats the doctor's report as one screen of plain text."""

import textwrap
from collections.abc import Iterator

from sweeper.cluster.doctor import Node, Report
from sweeper.terminal import printable
from sweeper.text_table import text_table

_WIDTH = 100
_END = 7  # characters of a name: Ray's node id tells nodes of one host apart
_COLUMNS = ("CPUs", "GPUs", "GiB free", "of", "/dev/shm", "clock", "ports", "data", "runs",
            "versions")  # fmt: skip


def render(report: Report) -> str:
    """Formats the report in lines of at most 100 columns."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    have = (f"{name} {version or 'missing'}" for name, version in report.versions.items())
    yield from _wrapped(f"this machine: {', '.join(have)}")
    if report.where is not None:
        yield from _wrapped(_cluster(report))
    if report.nodes:
        yield ""
        yield from _table(report.nodes)
        yield from _wrapped(
            f"data: Fashion-MNIST is there ({_for_nodes_without_data(report)}). runs: sees "
            f"{report.folder}, which checkpoints need.",
            later="",
        )
    for finding in report.findings:
        yield ""
        yield from _wrapped(finding.fault, "✗ ")
        yield from _wrapped(finding.cure, "  cure: ", "        ")
    yield ""
    if report.most_workers:
        workers = f"{report.workers} worker{'s' * (report.workers != 1)}"
        more = f", and up to {report.most_workers} on nodes that the autoscaler may bring"
        yield (
            f"A sweep with {report.resources.describe()} a trial gets {workers}"
            f"{more if report.most_workers > report.workers else ''}."
        )
    faults = len(report.findings)
    yield f"{faults} fault{'s' * (faults > 1)}." if faults else "Nothing is wrong."


def _for_nodes_without_data(report: Report) -> str:
    if report.fashion_mnist is not None:
        return "nodes without it get it from this machine"
    return (
        "nodes without it must download it, each for itself, since this machine has none to give; "
        "apt-get install dataset-fashion-mnist here spares them that"
    )


def _cluster(report: Report) -> str:
    reached = f"{report.reached_s:.1f} s"
    if report.where == "this machine":
        return f"cluster: none runs here, so one was started for this, in {reached}"
    token = {
        True: "it needs a token, and has accepted the one here",
        False: "it needs no token: anybody who can connect can run anything there",
        None: "",
    }[report.wants_token]
    return f"cluster: {report.where}, reached in {reached}; {token}"


def _table(nodes: list[Node]) -> Iterator[str]:
    """Yields a row for each node; names get the width that the other columns leave."""
    rows = [_COLUMNS, *(_cells(node) for node in nodes)]
    columns = list(zip(*rows, strict=True))
    room = _WIDTH - sum(2 + max(map(len, column)) for column in columns)
    names = [_name(node, room) for node in nodes]
    yield from text_table([("node", names), *((c[0], c[1:]) for c in columns)]).splitlines()


def _name(node: Node, most: int) -> str:
    name = printable(" ".join(node.name.split()))
    return name if len(name) <= most else f"{name[: most - _END - 1]}…{name[-_END:]}"


def _cells(node: Node) -> tuple[str, ...]:
    amounts = f"{node.cpus:g}", f"{node.gpus:g}"
    if node.silence is not None:
        return *amounts, *["?"] * (len(_COLUMNS) - 2)
    return (
        *amounts,
        _gib(node.free_bytes),
        _gib(node.memory_bytes),
        _gib(node.shm_bytes),
        "?" if node.clock_s is None else f"{node.clock_s:+.0f} s" if node.clock_s else "ok",
        f"{len(node.unreachable)} shut" if node.unreachable else "ok",
        "yes" if node.fashion_mnist else "no",
        "?" if node.sees_folder is None else "yes" if node.sees_folder else "no",
        "other" if node.differences else "same",
    )


def _gib(number: int | None) -> str:
    return "-" if number is None else f"{number / 2**30:.1f}"


def _wrapped(text: str, first: str = "", later: str = "  ") -> list[str]:
    return textwrap.wrap(
        printable(" ".join(text.split())),
        _WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_on_hyphens=False,
    )
