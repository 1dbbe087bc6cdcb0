import textwrap

import pytest

from sweeper.record.own_sweeps import Head
from sweeper.remote.head import reached


def test_the_client_of_a_head_with_a_token(head, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(head.token))
    for address in (head.url, f"{head.url}/"):
        with reached(Head(address, None)) as client:
            assert client.list_jobs() is not None


@pytest.mark.parametrize("token", [None, "wrong-token-wrong-token-wrong-token"])
def test_a_token_that_is_missing_or_wrong_is_named(head, monkeypatch, tmp_path, token):
    path = tmp_path / "auth_token"
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(path))
    fault = "does not exist"
    if token is not None:
        path.write_text(token)
        fault = "is another one"
    with (
        pytest.raises(ConnectionError, match=f"needs a token, and {path} {fault}"),
        reached(Head(head.url, None)),
    ):
        pass


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:1", "No dashboard of a Ray cluster answers at http://127.0.0.1:1"),
        ("http://no-such-host.invalid:8265", "No dashboard of a Ray cluster answers"),
    ],
)
def test_a_head_that_is_not_there(address, said):
    with pytest.raises(ConnectionError, match=said), reached(Head(address, None)):
        pass


def test_an_address_without_a_host():
    with pytest.raises(ValueError, match="must be http://"), reached(Head("http://", None)):
        pass


@pytest.mark.slow
def test_a_cluster_that_was_not_started(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"), reached(Head(None, "none.yaml")):
        pass
    yaml = tmp_path / "cluster.yaml"
    yaml.write_text(
        textwrap.dedent("""
            cluster_name: none
            provider: {type: local, head_ip: 127.0.0.1, worker_ips: []}
            auth: {ssh_user: nobody, ssh_private_key: /nonexistent}
        """)
    )
    with (
        pytest.raises(ConnectionError, match="no way to the head by `ray dashboard`"),
        reached(Head(None, str(yaml))),
    ):
        pass


def test_a_name_that_people_know_it_by():
    assert str(Head("http://head:8265", None)) == "http://head:8265"
    assert str(Head(None, "/some/cluster.yaml")) == "/some/cluster.yaml"
