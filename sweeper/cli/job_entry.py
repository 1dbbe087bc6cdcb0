"""Runs, as a job on a cluster's head, a command that was sent from a laptop."""

import json
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, TextIO, cast

from sweeper import __version__
from sweeper.cli.main import carry_out
from sweeper.record.mirror import JOB_FILE, MIRROR, Printed, Sender
from sweeper.terminal import printable

FOLDER = "runs"  # below the home directory, as for a script of `ray submit`


def main(request: dict[str, Any]) -> int:
    """Runs the requested command and returns its exit code.

    Args:
        request: `command` and its `options`, the `version` of the laptop's sweeper, and for a sweep
            its `mirror`, the folder there, and whether that is `begun`.
    """
    sweeps = Path.home() / FOLDER
    options: dict[str, Any] = request["options"] | {"folder": str(sweeps)}
    folder = None
    if request["mirror"] is not None:
        sweeps.mkdir(exist_ok=True)  # rsync would not, if that is the cure
        os.environ[MIRROR] = request["mirror"]
        folder = sweeps / Path(request["mirror"]).name
    fault = _fault(request, folder)
    # If there is a fault, the folder of that name may be another sweep's and must not be mirrored.
    with redirect_stdout(cast(TextIO, Printed())), Sender(None if fault else folder):
        if fault:
            print(printable(f"sweeper: {fault}"), file=sys.stderr)
            return 2
        if request["command"] == "run":
            assert folder is not None
            options["name"] = folder.name
        elif folder is not None:
            options["sweep"] = str(folder)
        return carry_out(request["command"], options)


def _fault(request: dict[str, Any], folder: Path | None) -> str | None:
    if request["version"] != __version__:
        return (
            f"the head has sweeper {__version__}, but the sender has {request['version']}. "
            "Install the same on both."
        )
    if folder is None:
        return None
    begun = (folder / "sweep.json").exists()
    if request["begun"] and not begun:
        return (
            f"the head has no record of {folder.name} any more, only your machine has. "
            f"Copy it there: ray rsync-up cluster.yaml {request['mirror']}/ {FOLDER}/{folder.name}/"
        )
    if request["begun"] or request["options"].get("resume") or not folder.exists():
        return None
    if (folder / JOB_FILE).exists() and not begun:
        return (
            f"{folder}: is this laptop's own mirror, the head is the same machine. Leave out "
            "--address and --cluster."
        )
    return (
        f"{folder}: exists already on the head, and you have no record of it. Choose another "
        "--name."
    )


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
