import os
import socket

import pytest
from eavesdropping import IS_ROOT, listening

from sweeper.cluster.strangers import is_stranger, name_of, stranger_at


def test_this_user_and_root_are_no_strangers():
    assert not is_stranger(os.geteuid())
    assert not is_stranger(0)
    assert is_stranger(os.geteuid() + 1)


def test_users_by_name_and_by_number():
    assert name_of(0) == "user root"
    assert name_of(4_000_000) == "user 4000000"


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_an_own_port_is_no_strangers(family, host):
    with socket.create_server((host, 0), family=family) as server:
        assert stranger_at(host, server.getsockname()[1]) is None


def test_a_strangers_port_is_known(tmp_path, monkeypatch):
    with listening(tmp_path, monkeypatch) as stranger:
        for host in ("127.0.0.1", "localhost"):
            assert stranger_at(host, stranger.port) == stranger.uid
        assert (stranger.uid != os.getuid()) == IS_ROOT


def test_nobody_is_no_stranger():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert stranger_at("127.0.0.1", port) is None
