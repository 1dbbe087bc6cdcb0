import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.record import mirror
from sweeper.record.mirror import Mirror, Printed, Sender


class Log:
    """The log of a job: what goes to descriptor 1, which the sender writes to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> "Log":
        sys.stdout.flush()
        self._before = os.dup(1)
        os.dup2(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        return self

    def __exit__(self, *exception: object) -> None:
        os.dup2(self._before, 1)

    def read(self) -> str:
        return self.path.read_text()


@pytest.fixture
def there(tmp_path) -> Path:
    """A sweep's folder on the head."""
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


@pytest.fixture
def here(tmp_path) -> Path:
    """Its mirror."""
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def log_of(there: Path, *steps) -> str:
    """The log while things happen to a folder, each seen at once."""
    with Log(there.parent / "log") as log:
        sender = Sender(there)
        for step in steps:
            step()
            sender._send_files()
        return log.read()


def pieces(text: str, sizes: list[int]) -> list[str]:
    """A text in pieces of these sizes, in turn."""
    found = []
    while text:
        size = sizes[len(found) % len(sizes)]
        found.append(text[:size])
        text = text[size:]
    return found


@settings(max_examples=50)
@given(
    appended=st.lists(st.binary(max_size=200), max_size=6),
    sizes=st.lists(st.integers(1, 300), min_size=1, max_size=5),
    known=st.integers(0, 10_000),
)
def test_any_bytes_arrive_whatever_the_pieces_and_however_often(
    tmp_path_factory, appended, sizes, known
):
    """The log may be cut anywhere, and comes from its beginning again after each break."""
    folder = tmp_path_factory.mktemp("mirror")
    there, here = folder / "there", folder / "here"
    there.mkdir()
    here.mkdir()

    def append(content):
        with open(there / "trials.jsonl", "ab") as file:
            file.write(content)

    first = [lambda: (there / "sweep.json").write_text('{"format": 1}')]
    log = log_of(there, *first, *(lambda c=c: append(c) for c in appended))
    list(Mirror(here).take(log[:known]))
    again = Mirror(here)
    for piece in pieces(log, sizes):
        list(again.take(piece))
    names = {path.name for path in there.iterdir() if path.stat().st_size}
    assert {path.name for path in here.iterdir() if path.stat().st_size} == names
    for name in names:
        assert (here / name).read_bytes() == (there / name).read_bytes()


def test_a_large_row_travels_in_several_frames(there, here, monkeypatch):
    monkeypatch.setattr(mirror, "_FRAME_BYTES", 100)
    (there / "sweep.json").write_text("{}")
    row = b'{"curve": [' + b"1.0, " * 1000 + b"]}\n"
    log = log_of(there, lambda: (there / "trials.jsonl").write_bytes(row))
    assert max(map(len, log.splitlines())) < 1000
    list(Mirror(here).take(log))
    assert (here / "trials.jsonl").read_bytes() == row


def test_two_that_follow_the_same_job_write_each_row_once(there, here, monkeypatch):
    monkeypatch.setattr(mirror, "_FRAME_BYTES", 30)
    (there / "sweep.json").write_text("{}")
    rows = "".join(f"row {i}\n" for i in range(2000)).encode()
    log = log_of(there, lambda: (there / "trials.jsonl").write_bytes(rows))
    growth = log[log.index("trials.jsonl") :].partition("\n")[2]
    (here / "trials.jsonl").write_bytes(rows[:30])
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: list(Mirror(here).take(growth)), range(4)))
    assert (here / "trials.jsonl").read_bytes() == rows


def test_a_replaced_file_is_the_last_one(there, here):
    log = log_of(
        there,
        lambda: (there / "sweep.json").write_text("first, and longer"),
        lambda: mirror_json(there, "second"),
    )
    list(Mirror(here).take(log))
    assert (here / "sweep.json").read_text() == "second"


def mirror_json(folder, text):
    (folder / "new").write_text(text)
    (folder / "new").replace(folder / "sweep.json")


def test_what_is_said_printed_and_done_comes_in_order(there, here):
    with Log(there.parent / "log") as log:
        os.write(1, b"a line\nan unfinished one")
        print("table\x1e{}\nrow", file=Printed())
        mirror.send(lines=["1/2 trials"])
        mirror.send()
        os.write(1, b"the end\n")
        text = log.read()
    told = list(Mirror(here).take(text))
    printed = "".join(said for kind, said in told if kind == "print")
    assert printed == "table\x1e{}\nrow\n"
    assert [pair for pair in told if pair[0] != "print"] == [
        ("said", "a line"), ("said", "an unfinished one"), ("lines", "1/2 trials"), ("sign", ""),
        ("said", "the end"),
    ]  # fmt: skip


def test_the_sender_gives_signs_of_life_and_sends_the_last_rows(there, here, monkeypatch):
    monkeypatch.setattr(mirror, "HEARTBEAT_S", 0.0)
    monkeypatch.setattr(mirror, "_LOOK_EVERY_S", 0.01)
    (there / "sweep.json").write_text("{}")
    with Log(there.parent / "log") as log:
        with Sender(there):
            while log.read().count("{}") < 4:
                pass
            (there / "trials.jsonl").write_text("row\n")
        text = log.read()
    told = list(Mirror(here).take(text))
    assert told.count(("sign", "")) >= 3
    assert (here / "trials.jsonl").read_text() == "row\n"


@pytest.mark.parametrize(
    "content",
    [
        '{"file": "../outside", "at": 0, "text": "x"}',
        '{"file": "report.html", "at": 0, "text": "x"}',
        '{"file": "trials.jsonl", "at": -1, "text": "x"}',
        '{"file": "trials.jsonl", "at": "0", "text": "x"}',
        '{"file": "trials.jsonl", "at": 0, "text": 1}',
        '{"file": ["trials.jsonl"], "at": 0, "text": "x"}',
        "[1, 2]",
        "no JSON",
        "[" * 100_000,
    ],
)
def test_frames_that_are_none_write_nothing(tmp_path, here, content):
    list(Mirror(here).take(f"\x1e{content}\n"))
    assert list(here.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here"]


@pytest.mark.parametrize("there_now", ["other rows\n", "row"])
def test_a_record_that_went_on_here_is_not_overwritten(here, there_now):
    path = here / "trials.jsonl"
    path.write_text(there_now)
    with pytest.raises(ValueError, match=r"trials\.jsonl: holds other rows than on the cluster's"):
        list(Mirror(here).take('\x1e{"file": "trials.jsonl", "at": 4, "text": "new\\n"}\n'))
    assert path.read_text() == there_now


def test_a_disk_that_takes_nothing_is_named(tmp_path):
    gone = tmp_path / "removed"
    with pytest.raises(ValueError, match=r"can't be mirrored: .*No such file.*attach .*removed"):
        list(Mirror(gone).take('\x1e{"file": "trials.jsonl", "at": 0, "text": "row\\n"}\n'))


def test_without_a_folder_files_are_left_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = list(Mirror(None).take('\x1e{"file": "sweep.json", "text": "{}"}\n\x1e{"print": "x"}\n'))
    assert told == [("print", "x")]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", ["trials.jsonl", "test_looks.jsonl", "sweep.json"])
@pytest.mark.parametrize("kind", ["a link", "a FIFO"])
def test_the_mirror_writes_through_nothing(tmp_path, here, file, kind):
    """What the laptop's folder holds may come from anywhere."""
    (tmp_path / "home").mkdir()
    path = here / file
    if kind == "a FIFO":
        os.mkfifo(path)
    else:
        path.symlink_to(tmp_path / "home" / "new")
    where = {} if file == "sweep.json" else {"at": 0}
    frame = json.dumps({"file": file, "text": "row\n", **where})
    if where:
        with pytest.raises(ValueError, match=rf"{file}: is {kind}, but must be a plain file"):
            list(Mirror(here).take(f"\x1e{frame}\n"))
    else:
        list(Mirror(here).take(f"\x1e{frame}\n"))
        assert path.read_text() == "row\n"
    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.parametrize("file", ["trials.jsonl", "sweep.json"])
@pytest.mark.parametrize("kind", ["a link", "a FIFO"])
def test_the_sender_reads_through_nothing(tmp_path, there, file, kind):
    """And goes on giving signs of life."""
    (tmp_path / "id_rsa").write_text("secret")
    (there / "sweep.json").write_text("{}")
    (there / file).unlink(missing_ok=True)
    if kind == "a FIFO":
        os.mkfifo(there / file)
    else:
        (there / file).symlink_to(tmp_path / "id_rsa")
    log = log_of(there, lambda: (there / "test_looks.jsonl").write_text("look\n"))
    assert "secret" not in log
    assert ("look" in log) == (file != "sweep.json")
