from pathlib import Path

import pytest

from sweeper.cluster.doctor import Finding, Node, Report
from sweeper.cluster.doctor_page import render
from sweeper.cluster.resources import Resources

GIB = 2**30
VERSIONS = {
    "Python": "3.11.7",
    "ray": "2.60.0",
    "torch": None,
    "sweeper": "0.1.0 (source 0a1b2c3d)",
}
WELL = Node("head-0a1b2c", cpus=4, gpus=0.5, store_bytes=GIB, memory_bytes=8 * GIB,
            free_bytes=5 * GIB, shm_bytes=4 * GIB, clock_s=0.0, fashion_mnist="/somewhere",
            sees_folder=True)  # fmt: skip
ILL = Node("a-host-with-a-name" * 6 + "-3d4e5f", cpus=128, gpus=8, store_bytes=GIB,
           memory_bytes=2048 * GIB, free_bytes=1, shm_bytes=None, clock_s=-86400.0,
           unreachable=[("head-0a1b2c", 5000)], sees_folder=False, differences=["torch 9"],
           )  # fmt: skip
SILENT = Node("gone-6f7a8b", cpus=1, gpus=0, store_bytes=GIB, silence="no answer within 30 s")
HOSTILE = Node("\x1b[2J\nx-9c0d1e", cpus=1, gpus=0, store_bytes=GIB, silence="\x1b[2J")


def report(*nodes: Node, **fields) -> Report:
    return Report(VERSIONS, Path("/home/somebody/runs"), Resources(), nodes=list(nodes), **fields)


@pytest.mark.parametrize("nodes", [[WELL], [WELL, ILL], [ILL, SILENT], [WELL, HOSTILE]])
def test_a_line_for_each_node_none_too_long_for_a_terminal(nodes):
    finding = Finding("a\x1b[2Jb " + "very " * 60 + "wrong.", "Do " + "something " * 60)
    found = report(*nodes, where="Ray at head:6379", reached_s=0.5, workers=3, most_workers=3,
                   findings=[finding])  # fmt: skip
    lines = render(found).splitlines()
    assert max(map(len, lines)) <= 100
    assert "\x1b" not in "".join(lines)
    (first,) = (number for number, line in enumerate(lines) if line.startswith("node "))
    table = lines[first : first + len(nodes) + 1]
    assert [line.split()[-1] for line in table[1:]] == [
        "?" if node.silence else "other" if node.differences else "same" for node in nodes
    ]
    for node, line in zip(nodes, table[1:], strict=True):
        assert line.split("  ")[0].endswith(node.name[-7:])
    assert lines[-2:] == ["A sweep with 1 CPU a trial gets 3 workers.", "1 fault."]


def test_what_the_cells_say():
    def cells(node: Node) -> list[str]:
        table = render(report(node)).partition("\nnode")[2].splitlines()
        return table[1].replace(" s ", "s ").split()[1:]

    assert cells(WELL) == ["4", "0.5", "5.0", "8.0", "4.0", "ok", "ok", "yes", "yes", "same"]
    assert cells(ILL)[4:] == ["-", "-86400s", "1", "shut", "no", "no", "other"]
    assert cells(SILENT) == ["1", "0", *"????????"]


def test_who_gives_the_data_to_nodes_without_it():
    """Whatever the nodes have: the machine that runs the sweep gives what it has itself."""
    given = " ".join(render(report(ILL, fashion_mnist="/somewhere")).split())
    assert "data: Fashion-MNIST is there (nodes without it get it from this machine)." in given
    none_to_give = " ".join(render(report(WELL, ILL, fashion_mnist=None)).split())
    assert "get it from this machine" not in none_to_give
    assert "nodes without it must download it, each for itself" in none_to_give
    assert "apt-get install dataset-fashion-mnist here spares them that)." in none_to_give


@pytest.mark.parametrize(
    ("workers", "most", "said"),
    [
        (1, 1, "1 worker."),
        (0, 8, "0 workers, and up to 8 on nodes that the autoscaler may bring."),
    ],
)
def test_how_many_workers_a_sweep_gets(workers, most, said):
    lines = render(report(WELL, workers=workers, most_workers=most)).splitlines()
    assert lines[-2] == f"A sweep with 1 CPU a trial gets {said}"


@pytest.mark.parametrize(
    ("wants_token", "said"),
    [
        (True, "has accepted the one here"),
        (False, "anybody who can connect can run anything there"),
    ],
)
def test_whether_the_cluster_is_open(wants_token, said):
    where = {"where": "Ray at head:6379", "reached_s": 0.5, "wants_token": wants_token}
    text = " ".join(render(report(**where)).split())
    assert "cluster: Ray at head:6379, reached in 0.5 s; it needs " in text
    assert said in text
    assert "torch missing" in text
    assert text.endswith("Nothing is wrong.")
