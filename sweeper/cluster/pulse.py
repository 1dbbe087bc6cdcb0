"""Checks that the parts of a Ray that a driver can't do without are alive."""

import socket
import threading
from collections.abc import Mapping

from sweeper.cluster.ray_internals import head_answers

NAMES = {"gcs_server": "Ray's head (its GCS)", "raylet": "Ray on this machine (its raylet)"}
_EVERY_S = 1.0
_TIMEOUT_S = 2.0  # to connect
_MISSES = 3  # in a row: a single one may mean a very busy machine
_ASK_AT = 5  # the head is asked at every 5th look
_ANSWER_S = 8.0  # for the head to answer; after 60 s without it Ray ends this process


class Pulse:
    """Checks again and again that the parts of Ray answer; a stopped one still accepts connections,
    so it also asks the head something now and then.

    Args:
        parts: name → host and port.
    """

    def __init__(self, parts: Mapping[str, tuple[str, int]]) -> None:
        self.fault: str | None = None
        self._parts = parts
        self._end = threading.Event()
        threading.Thread(target=self._work, name="sweeper-pulse", daemon=True).start()

    def stop(self) -> None:
        """Ends the checks."""
        self._end.set()

    def _work(self) -> None:
        refused = unanswered = beats = 0
        while not self._end.wait(_EVERY_S):
            silent = [name for name, at in self._parts.items() if not answers(at, _TIMEOUT_S)]
            refused = refused + 1 if silent else 0
            if refused >= _MISSES:
                self.fault = f"{' and '.join(silent)} died."
            beats += 1
            if beats % _ASK_AT == 0:
                unanswered = 0 if head_answers(_ANSWER_S) else unanswered + 1
            if unanswered >= _MISSES:
                self.fault = f"{NAMES['gcs_server']} no longer answers."


def answers(address: tuple[str, int], timeout_s: float) -> bool:
    """Checks that something listens at a host and port."""
    try:
        socket.create_connection(address, timeout_s).close()
    except OSError:
        return False
    return True
