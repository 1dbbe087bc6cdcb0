"""The token of a Ray cluster: used where it is wanted, and its lack named at once.

Ray joins a cluster that wants a token only with `RAY_AUTH_MODE=token`, even if the token is there;
without it, it tries for 25 s and then says that it can't connect.
"""

import os
import subprocess
import sys
from pathlib import Path

from ray._raylet import Config  # type: ignore[attr-defined]

_MODE = "RAY_AUTH_MODE"
# In a process of its own: Ray's client dies of a missing token, and of a mode that changes.
_KNOCK = "import sys; from ray._raylet import GcsClient; GcsClient(address=sys.argv[1])"


def use_token(address: str) -> None:
    """Lets this process show its token to a cluster that wants one.

    Raises:
        ConnectionError: the cluster wants a token, and this machine has none or another one.
    """
    if not _refused(address, os.environ.get(_MODE)):
        return
    if _MODE not in os.environ and not _refused(address, "token"):
        os.environ[_MODE] = "token"
        Config.initialize("")  # Ray read it when it was imported
        return
    raise ConnectionError(f"Ray at {address} {token_fault()}")


def token_fault() -> str:
    """What is wrong with the token of this machine, for which a cluster has refused it."""
    if os.environ.get(_MODE, "token") != "token":
        fault = f"{_MODE} is {os.environ[_MODE]!r} here"
    elif os.environ.get("RAY_AUTH_TOKEN"):
        fault = "RAY_AUTH_TOKEN is another one"
    else:
        fault = f"{_path()} {'is another one' if _path().exists() else 'does not exist'}"
    return (
        f"wants a token, and {fault}. Copy ~/.ray/auth_token of the cluster's head to this "
        "machine, and leave RAY_AUTH_MODE unset."
    )


def wants_token(address: str) -> bool:
    """Whether the cluster sends away who has no token."""
    return _refused(address, "disabled")


def exposed_token() -> Path | None:
    """The file of this machine's token if other users can read it, of whom each may then do what
    this user may on his clusters.
    """
    path = _path().absolute()
    try:
        mode = path.stat().st_mode
        way = [folder.stat().st_mode for folder in path.parents]
    except OSError:
        return None
    # Read and search permission of the group, and of all others.
    open_to = (0o040, 0o010), (0o004, 0o001)
    is_open = any(mode & read and all(m & search for m in way) for read, search in open_to)
    return path if is_open else None


def bearer() -> dict[str, str]:
    """The token of this machine as a header of HTTP; empty if there is none."""
    token = os.environ.get("RAY_AUTH_TOKEN", "")
    if not token and _path().exists():
        token = _path().read_text()
    return {"Authorization": f"Bearer {token.strip()}"} if token else {}


def _path() -> Path:
    return Path(os.environ.get("RAY_AUTH_TOKEN_PATH", Path.home() / ".ray" / "auth_token"))


def _refused(address: str, mode: str | None) -> bool:
    """Whether the cluster sends a client of this mode away for its token."""
    environment = {name: value for name, value in os.environ.items() if name != _MODE}
    if mode is not None:
        environment[_MODE] = mode
    command = [sys.executable, "-c", _KNOCK, address]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=15)
    except subprocess.TimeoutExpired:
        return False  # something else is wrong, which Ray will name
    return done.returncode != 0 and b"uthentication token" in done.stderr
