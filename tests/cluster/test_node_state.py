import os
import socket
from pathlib import Path

import pytest

from sweeper.cluster.node_state import clock_offset, memory, state, unreachable
from sweeper.worker.versions import versions


def test_closed_ports_are_unreachable_and_open_ones_are_not():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # but it does not listen
        listens, silent = server.getsockname(), closed.getsockname()
        ports = {"head": [listens, silent], "worker": [listens]}
        assert unreachable(ports) == [("head", silent[1])]
    assert unreachable({}) == []


@pytest.mark.parametrize(
    ("told_s", "offset_s"), [(10.0, 0), (10.4, 0), (11.0, 0), (9.0, -1.0), (31.0, 20.0)]
)
def test_a_clock_is_off_by_what_asking_can_not_explain(told_s, offset_s):
    assert clock_offset(asked_s=10.0, told_s=told_s, answered_s=11.0) == offset_s


def test_memory_is_that_of_the_machine_or_less():
    found = memory()
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < found["memory_bytes"] <= machine
    assert 0 < found["free_bytes"] < found["memory_bytes"]


def test_a_node_sees_a_file_as_its_driver_does(tmp_path):
    marker = tmp_path / "marker"
    unseen = state({}, str(marker))
    marker.write_text("what the driver wrote")
    seen = state({}, str(marker))
    assert unseen["marker"] is None
    assert seen["marker"]
    assert seen["versions"] == versions()
    assert seen["unreachable"] == []
    assert (seen["shm_bytes"] is not None) == Path("/dev/shm").is_dir()
