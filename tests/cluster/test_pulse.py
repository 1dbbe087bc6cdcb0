import socket
import threading

from waiting import wait_until

from sweeper.cluster import pulse
from sweeper.cluster.pulse import NAMES, Pulse, answers


def test_a_part_that_has_gone_is_named_but_not_after_one_miss(monkeypatch):
    monkeypatch.setattr(pulse, "_EVERY_S", 0.02)
    monkeypatch.setattr(pulse, "head_answers", lambda timeout_s: True)
    with socket.create_server(("127.0.0.1", 0)) as there:
        gone = socket.create_server(("127.0.0.1", 0))
        felt = Pulse({"here": there.getsockname(), "there": gone.getsockname()})
        assert answers(gone.getsockname(), 5)
        gone.close()
        wait_until(lambda: felt.fault)
        assert felt.fault == "there died."
        felt.stop()


def test_a_head_that_takes_connections_and_says_nothing_is_a_fault(monkeypatch):
    monkeypatch.setattr(pulse, "_EVERY_S", 0.02)
    asked = threading.Semaphore(0)

    def is_silent(timeout_s: float) -> bool:
        asked.release()
        return False

    monkeypatch.setattr(pulse, "head_answers", is_silent)
    with socket.create_server(("127.0.0.1", 0)) as there:
        felt = Pulse({"here": there.getsockname()})
        wait_until(lambda: felt.fault)
        felt.stop()
    assert felt.fault == f"{NAMES['gcs_server']} no longer answers."
    assert all(asked.acquire(timeout=1) for _ in range(3))
