"""Finds who owns a file, a process or a port of this machine: this user, root, or a stranger.

Root can read this user's token anyhow. Linux tells who owns a port; elsewhere that is unknown.
"""

import os
import pwd
import socket
from pathlib import Path

_PORTS = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LISTENS = "0A"
_WAIT_S = 5.0


def is_stranger(uid: int) -> bool:
    """Checks that a user is neither this one nor root."""
    return uid not in (0, os.geteuid())


def name_of(uid: int) -> str:
    """Returns a user's name, or the id without one."""
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user {uid}"


def stranger_at(host: str, port: int) -> int | None:
    """Returns the user id of a stranger who listens at a port, if it is one of this machine."""
    try:
        with socket.create_connection((host, port), _WAIT_S) as way:
            here = way.getsockname()[0] == way.getpeername()[0]  # as when connecting to oneself
    except OSError:
        return None
    return next(filter(is_stranger, _listeners(port)), None) if here else None


def _listeners(port: int) -> list[int]:
    """Returns the user ids of the processes of this machine that listen at a port."""
    lines = []
    for path in _PORTS:
        try:
            lines += path.read_text().splitlines()[1:]
        except OSError:
            continue  # no IPv6, or no Linux
    found = []
    for line in lines:
        # Number, own address, other address, state, queues, timer, retransmissions, user id, …
        _, own, _, state, _, _, _, uid, *_ = line.split()
        if state == _LISTENS and int(own.rpartition(":")[2], 16) == port:
            found.append(int(uid))
    return found
