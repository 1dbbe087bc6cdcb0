"""Serves the report of a running sweep as a page that follows it, to browsers on this machine."""

import hmac
import json
import re
import secrets
import socketserver
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, cast

from sweeper.html_report.contents import outstanding
from sweeper.html_report.page import library, page_text
from sweeper.record.results import load
from sweeper.record.running import read_progress
from sweeper.record.sweep_folder import CONFIRMATION
from sweeper.terminal import bounded, one_line

_FILES = ("sweep.json", "trials.jsonl", "test_looks.jsonl")
_LEAST_S = 3.0  # seconds between two reports
_REST = 4  # times as long as a report takes to make, the next one waits
_STALLED_S = 60.0  # seconds after which a client is given up
# Another host name that leads here, such as that of an attacker's page, is refused. The port may
# differ, as a tunnel's does.
_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.ASCII)


class Watched:
    """A sweep's report as it is now, made again when there is new data, but not too often.

    Args:
        folder: the sweep's own folder, or its mirror.

    Raises:
        FileNotFoundError: there is no sweep in this folder.
        ValueError: the record is damaged or of a newer format.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._fault = ""
        self._due = 0.0
        self._tried = self._shown = ""
        self._page, self._outstanding = "", 0
        version = ""
        with suppress(OSError):  # the record's own error is more precise
            version = _version(folder)
        self._make(version)

    def page(self, with_library: bool = True) -> str:
        """Returns the page; a browser that has shown one already needs no library."""
        self._renew()
        return self._page if with_library else self._page.replace(library()[0], "", 1)

    def state(self) -> dict[str, Any]:
        """Returns how far the sweep is: the `version` of the present page, `lines` of text, and
        their `kind`, which is "runs", "ended" or "fails".
        """
        progress = read_progress(self._folder)
        if self._fault or not progress:
            self._renew()  # only a new report tells whether trials are left
        new = self._new_version()
        version = new if new and self._is_due() else self._shown
        if self._fault:
            return {"version": version, "lines": [self._fault], "kind": "fails"}
        if progress or new:
            lines = progress or ["Reading the last trials …"]
            return {"version": version, "lines": lines, "kind": "runs"}
        return {"version": version, "lines": [self._at_rest()], "kind": "ended"}

    def _at_rest(self) -> str:
        if not self._outstanding:
            return "The sweep has ended."
        return (
            f"The sweep is not running, and {self._outstanding:,} planned trials have not ended: "
            "it is just starting, or was interrupted."
        )

    def _new_version(self) -> str:
        """Returns the folder's version if it is new, else an empty text. Notes a folder that
        can't be read.
        """
        try:
            version = _version(self._folder)
        except OSError as error:
            self._fault = one_line(
                f"{self._folder}: can no longer be read ({error.strerror}). The page shows the "
                "sweep as it was before. Put the folder back, or close the page."
            )
            self._tried = ""  # once it is there again, it is read again
            return ""
        return version if version != self._tried else ""

    def _is_due(self) -> bool:
        """Checks whether a new report may be made by now."""
        return time.monotonic() >= self._due

    def _renew(self) -> None:
        with self._lock:
            if (version := self._new_version()) and self._is_due():
                try:
                    self._make(version)
                except Exception as error:  # whatever is in the folder by now, the page stays
                    self._fault = one_line(bounded(str(error) or repr(error), 1000))

    def _make(self, version: str) -> None:
        began = time.monotonic()
        self._tried = version
        try:
            results = load(self._folder)
            self._page = page_text(results, watched=version)
            self._outstanding = outstanding(results)
            self._shown, self._fault = version, ""
        finally:
            now = time.monotonic()
            self._due = now + max(_LEAST_S, _REST * (now - began))


def _version(folder: Path) -> str:
    """Returns a text that changes when the record does. Raises OSError if the record is gone."""
    parts = []
    confirmed = sorted(folder.glob(f"{CONFIRMATION}*/trials.jsonl"))
    for name in [*_FILES, *(str(path.relative_to(folder)) for path in confirmed)]:
        try:
            status = (folder / name).lstat()
            parts.append(f"{status.st_size}.{status.st_mtime_ns}.{status.st_ino}")
        except FileNotFoundError:
            if name == "sweep.json":
                raise
            parts.append("")
    return "-".join(parts)


class Server(socketserver.ThreadingTCPServer):
    """Serves a watched sweep to browsers of this machine that know the secret in `address`.

    `ticket` is an address that works once, since others may see it in the list of processes.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, watched: Watched, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.watched = watched
        self.secret, ticket = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self.tickets = [ticket]
        root = f"http://127.0.0.1:{self.server_address[1]}"
        self.address, self.ticket = f"{root}/{self.secret}/", f"{root}/{ticket}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Prints nothing: a browser that goes away in the middle of an answer is no fault."""


class _Handler(BaseHTTPRequestHandler):
    timeout = _STALLED_S
    server_version, sys_version = "sweeper", ""

    def do_GET(self) -> None:
        """Answers the page's requests."""
        server = cast(Server, self.server)
        hosts = self.headers.get_all("Host", [])
        secret, _, name = self.path.removeprefix("/").partition("/")
        if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
            self._answer(HTTPStatus.FORBIDDEN, b"Open this page at 127.0.0.1 or localhost.")
        elif name == "" and any(_same(secret, ticket) for ticket in server.tickets):
            server.tickets.clear()
            self._answer(HTTPStatus.SEE_OTHER, b"", Location=f"/{server.secret}/")
        elif not _same(secret, server.secret):
            self._answer(
                HTTPStatus.FORBIDDEN,
                b"Open the whole address that sweeper printed, with its secret.",
            )
        elif name in _ANSWERS:
            kind, content = _ANSWERS[name]
            # Half a surrogate pair, which JSON can bring, has no UTF-8.
            text = content(server.watched).encode("utf-8", "replace")
            self._answer(HTTPStatus.OK, text, f"{kind}; charset=utf-8")
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"There is no such page.")

    def _answer(
        self, status: HTTPStatus, content: bytes, kind: str = "text/plain", **headers: str
    ) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            "Content-Security-Policy": "frame-ancestors 'none'",  # the page itself says the rest
            "Cross-Origin-Resource-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Logs nothing: the secret must not be in a log."""


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())


_ANSWERS: dict[str, tuple[str, Callable[[Watched], str]]] = {
    "": ("text/html", Watched.page),
    "new": ("text/html", lambda watched: watched.page(with_library=False)),
    "state": ("application/json", lambda watched: json.dumps(watched.state())),
}
