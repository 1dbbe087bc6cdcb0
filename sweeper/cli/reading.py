"""The commands of `sweeper` that read sweeps, each from its options to an exit code."""

import os
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from sweeper.files import write_named
from sweeper.terminal import one_line, tell


@contextmanager
def quiet() -> Iterator[None]:
    """Hides what NumPy and pandas print about odd numbers and names in a record."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def show(options: dict[str, Any]) -> int:
    """Prints a sweep's trials, how sure the best one is, and advice."""
    from sweeper.analysis.advice import advice
    from sweeper.analysis.certainty import winner
    from sweeper.analysis.trained_again import trained_again
    from sweeper.html_report.contents import outstanding
    from sweeper.record.mirror import JOB_FILE
    from sweeper.record.results import load
    from sweeper.record.running import read_progress
    from sweeper.sweep.ending import how_to_go_on

    results = load(options["sweep"])
    print_results(results, options["most"])
    again = trained_again(results)
    for one in (results, *again.confirmations):
        running = read_progress(one.folder)
        for number, line in enumerate(running):
            print(one_line(f"{'it runs: ' if number == 0 else '         '}{line}"))
        if not running and (left := outstanding(one)):
            how = ""
            with suppress(AttributeError, KeyError, TypeError):  # of a damaged sweep.json
                how = how_to_go_on(one.sweep, one.folder)
            sent = (one.folder / JOB_FILE).exists()
            state = "nothing here follows the sweep on its cluster" if sent else "nothing runs"
            what = "" if one is results else f"{one.folder}: "
            print(
                one_line(f"{what}{left:,} of the planned trials have not ended, and {state}. {how}")
            )
    with suppress(LookupError, ValueError):  # there is no winner
        print(one_line(winner(results, again).sentence))
    if results.test_looks:
        print(f"looks at the test set: {len(results.test_looks)}")
    for piece in advice(results):
        print(one_line(f"advice: {piece.text}"))
    for line in (*results.unreadable, *again.unreadable):
        print(one_line(f"left out {line}"), file=sys.stderr)
    return 0


def report(options: dict[str, Any]) -> int:
    """Writes a sweep's report."""
    import sweeper

    _check_output(options["output"])
    results = sweeper.load(options["sweep"])
    path = sweeper.write_report(results, options["output"] or results.folder / "report.html")
    print(one_line(str(path)))
    return 0


def watch(options: dict[str, Any]) -> int:
    """Serves a sweep's report as a page that follows the sweep, until Ctrl-C."""
    import webbrowser

    from sweeper.html_report.watching import Server, Watched

    port = options["port"]
    if not 0 <= port < 1 << 16:
        raise ValueError(f"--port must be 1 to 65535, or 0 for a free one, but got {port}.")
    watched = Watched(Path(options["sweep"]))
    try:
        server = Server(watched, port)
    except OSError as error:
        raise OSError(f"--port {port}: {error.strerror}. Name another one, or none.") from None
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.address, flush=True)
        tell("Ctrl-C closes this page.\n")
        if options["browser"] and _has_display():
            threading.Thread(target=webbrowser.open, args=[server.ticket], daemon=True).start()
        try:
            _say_changes(watched)
        finally:
            server.shutdown()


def _has_display() -> bool:
    """Checks whether a browser has a screen here, and would not take over the terminal."""
    shown = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(shown) or (sys.platform == "darwin" and "SSH_CONNECTION" not in os.environ)


def _say_changes(watched: Any) -> NoReturn:
    """Says when the sweep ends, goes on or can't be read any more."""
    said = ""
    while True:
        state = watched.state()
        news = "" if state["kind"] == "runs" else state["lines"][0]
        if news != said:
            tell(f"{news or 'The sweep runs.'}\n")
            said = news
        time.sleep(2)


def list_sweeps(options: dict[str, Any]) -> int:
    """Prints a line for each sweep in a folder, the newest last."""
    from sweeper.html_report.contents import outstanding
    from sweeper.record.results import load

    folder = Path(options["folder"])
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder. Name the one where sweeps are kept.")
    sweeps = [path for path in folder.iterdir() if os.path.isfile(path / "sweep.json")]
    if not sweeps:
        print(one_line(f"{folder}: no sweeps yet."), file=sys.stderr)
    found = []
    for path in sweeps:
        try:
            results = load(path)
            left = outstanding(results)
            unended = f"; {left:,} have not ended" if left else ""
            found.append((results.sweep["created"], results.in_a_line() + unended))
        except Exception as error:  # one bad folder, whatever is in it, must not hide the others
            told = error if isinstance(error, ValueError | OSError) else f"{path}: {error!r}"
            print(one_line(f"left out {told}"), file=sys.stderr)
    for created, line in sorted(found):
        print(one_line(f"{created}  {line}"))
    return 0 if found else 1


def export(options: dict[str, Any]) -> int:
    """Writes a sweep's trials for other programs."""
    from sweeper.export.event_files import write_event_files
    from sweeper.export.mlflow_database import write_mlflow_database
    from sweeper.export.optuna_journal import write_optuna_journal
    from sweeper.export.tables import write_csv, write_parquet
    from sweeper.record.results import load

    kind, output = options["to"], options["output"]
    if kind is None:
        kind = "parquet" if str(output).endswith(".parquet") else "csv"
    if kind == "csv":
        _check_output(output)
        write_csv(load(options["sweep"]).frame, output)
        return 0
    if output is None:
        what = "folder: -o FOLDER" if kind == "tensorboard" else "file: -o FILE"
        raise ValueError(f"--to {kind} needs a {what}.")
    if kind == "parquet":
        _check_output(output)
        write_parquet(load(options["sweep"]).frame, output)
        return 0
    if kind == "mlflow" and "://" in output:
        raise ValueError(
            f"-o {output}: --to mlflow writes a file, and sends nothing to a server. Name a file, "
            "as in -o runs.db, and open it with mlflow server --backend-store-uri sqlite:///runs.db"
        )
    if os.path.lexists(output):
        raise FileExistsError(f"-o {output}: is there already. Remove it, or choose another name.")
    _check_output(output)
    writers: dict[str, Any] = {
        "tensorboard": write_event_files,
        "optuna": write_optuna_journal,
        "mlflow": write_mlflow_database,
    }
    writers[kind](load(options["sweep"]), Path(output))
    return 0


def compare(options: dict[str, Any]) -> int:
    """Prints which of several sweeps is better, and whether that is more than luck."""
    import sweeper
    from sweeper.record.listing import frame_text, screen_width

    _check_output(options["output"])
    comparison = sweeper.compare(options["sweeps"], budget=options["budget"])
    shared = comparison.curves[comparison.curves["budget"] <= comparison.limit]
    last = shared.groupby("sweep").tail(1)
    print(frame_text(last, screen_width()))
    print(one_line(comparison.sentence))
    if options["output"]:
        from sweeper import plots

        page = plots.comparison(comparison).to_html().encode("utf-8", errors="replace")
        write_named(options["output"], lambda file: file.write(page))
        print(one_line(options["output"]))
    return 0


def _check_output(path: str | None) -> None:
    """Checks that a file can be written before its content is computed."""
    if path is None:
        return
    folder = Path(path).parent
    if not folder.is_dir():
        raise FileNotFoundError(
            f"-o {path}: there is no folder {folder}. Make it, or name a file elsewhere."
        )
    if Path(path).is_dir():
        raise IsADirectoryError(f"-o {path}: is a folder. Name a file in it.")


def print_results(results: Any, most: int = 20) -> None:
    """Prints the trials, best first, and the best one."""
    from sweeper.analysis.epochs_spent import epochs
    from sweeper.record.listing import screen_width

    print(results.overview(most, screen_width()))
    if sentence := epochs(results).sentence:
        print(one_line(sentence))
