"""Uses a Ray cluster's token where the cluster wants one, and reports a missing one at once.

Ray joins a cluster that wants a token only with `RAY_AUTH_MODE=token`, even if the token is there;
without that setting it tries for 25 s and then says that it can't connect.
"""

import os
import subprocess
import sys
from pathlib import Path

from sweeper.cluster.ray_internals import KNOCK, read_settings_again

_MODE = "RAY_AUTH_MODE"
# The first to join waits for Ray's first workers, and ignores all else, for ever if one has died.
_JOIN = f"""
import ctypes, os
getattr(ctypes.CDLL(None), "prctl", print)(1, 9)  # ends with this process
{KNOCK}
import ray
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
os._exit(0)
"""
_KNOCK_S, _JOIN_S = 15.0, 60.0


def try_to_join(address: str) -> None:
    """Joins a cluster for a moment in another process, which can be killed; makes this process use
    its token if the cluster wants one.

    Raises:
        ConnectionError: the cluster wants a token, and this machine has none or another one.
        TimeoutError: it does not answer.
    """
    if not _refused(address, os.environ.get(_MODE), _JOIN, _JOIN_S):
        return
    if _MODE not in os.environ and not _refused(address, "token", _JOIN, _JOIN_S):
        os.environ[_MODE] = "token"
        read_settings_again()
        return
    raise ConnectionError(f"Ray at {address} {token_fault()}")


def token_fault() -> str:
    """Says what is wrong with this machine's token after a cluster has refused it."""
    if os.environ.get(_MODE, "token") != "token":
        fault = f"{_MODE} is {os.environ[_MODE]!r} here"
    elif os.environ.get("RAY_AUTH_TOKEN"):
        fault = "RAY_AUTH_TOKEN is another one"
    else:
        fault = f"{_path()} {'is another one' if _path().exists() else 'does not exist'}"
    return (
        f"needs a token, and {fault}. Copy ~/.ray/auth_token of the cluster's head to this "
        "machine, and leave RAY_AUTH_MODE unset."
    )


def wants_token(address: str) -> bool:
    """Checks whether the cluster turns away clients without a token."""
    try:
        return _refused(address, "disabled", KNOCK, _KNOCK_S)
    except TimeoutError:
        return False


def exposed_token() -> Path | None:
    """Returns the file of this machine's token if other users can read it: they could do
    whatever this user may on his clusters.
    """
    path = _path().absolute()
    try:
        mode = path.stat().st_mode
        way = [folder.stat().st_mode for folder in path.parents]
    except OSError:
        return None
    # Read and search permission for the group, and for all others.
    open_to = (0o040, 0o010), (0o004, 0o001)
    is_open = any(mode & read and all(m & search for m in way) for read, search in open_to)
    return path if is_open else None


def bearer() -> dict[str, str]:
    """Returns this machine's token as an HTTP header; empty if there is none."""
    token = os.environ.get("RAY_AUTH_TOKEN", "")
    if not token and _path().exists():
        token = _path().read_text()
    return {"Authorization": f"Bearer {token.strip()}"} if token else {}


def _path() -> Path:
    return Path(os.environ.get("RAY_AUTH_TOKEN_PATH", Path.home() / ".ray" / "auth_token"))


def _refused(address: str, mode: str | None, code: str, limit_s: float) -> bool:
    """Checks whether the cluster turns away a client with this mode because of its token.

    Other faults are left to Ray to report. Raises TimeoutError if there is no answer.
    """
    environment = {name: value for name, value in os.environ.items() if name != _MODE}
    if mode is not None:
        environment[_MODE] = mode
    command = [sys.executable, "-c", code, address]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=limit_s)
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(
            f"it takes connections, but nothing came within {limit_s:g} s"
        ) from error
    return done.returncode != 0 and b"uthentication token" in done.stderr
