import errno
import os
import socket
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from waiting import PATIENCE_S

from sweeper.files import (
    NotAPlainFileError,
    locked,
    named,
    open_plain,
    plain_folder,
    private_folder,
    read_plain,
    write_named,
    write_whole,
)


def write(file) -> None:
    file.write(b"whole")


@pytest.fixture
def secret(tmp_path) -> Path:
    """A file of the user's, elsewhere, that nobody else may see or change."""
    (tmp_path / "home").mkdir()
    path = tmp_path / "home" / "id_rsa"
    path.write_bytes(b"secret")
    path.chmod(0o600)
    return path


@pytest.fixture(
    params=["a link", "a link to nothing", "a FIFO", "a folder", "a socket", "a device"]
)
def planted(request, tmp_path, secret) -> Iterator[Path]:
    """Something that is no file, under the name of one."""
    path = tmp_path / "trials.jsonl"
    with socket.socket(socket.AF_UNIX) as plug, suppress(PermissionError):
        if request.param == "a link":
            path.symlink_to(secret)
        elif request.param == "a link to nothing":
            path.symlink_to(tmp_path / "home" / "new")
        elif request.param == "a FIFO":
            os.mkfifo(path)
        elif request.param == "a folder":
            path.mkdir()
        elif request.param == "a socket":
            here = os.open(tmp_path, os.O_RDONLY)
            plug.bind(f"/proc/self/fd/{here}/{path.name}")  # names of sockets must be short
            os.close(here)
        else:  # /dev/zero under another name, which only root can make
            os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    if not os.path.lexists(path):
        path = Path("/dev/zero")
    yield path
    assert secret.read_bytes() == b"secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in secret.parent.iterdir()] == ["id_rsa"]


@pytest.mark.parametrize("mode", ["rb", "ab", "a+b"])
def test_only_plain_files_are_opened(planted, mode):
    with pytest.raises(NotAPlainFileError, match=r": is a \w+, but must be a plain file\. Put"):
        open_plain(planted, mode)


def test_plain_files_are_opened_as_by_open(tmp_path):
    path = tmp_path / "file"
    with pytest.raises(FileNotFoundError, match="file"):
        open_plain(path)
    with open_plain(path, "ab") as file:
        file.write(b"one\n")
    with open_plain(path, "a+b") as file:
        file.write(b"two\n")
        file.seek(0)
        assert file.read() == b"one\ntwo\n"
    assert read_plain(path) == b"one\ntwo\n"
    (tmp_path / "link").symlink_to(tmp_path)  # the user's own way there may be a link
    assert read_plain(tmp_path / "link" / "file") == b"one\ntwo\n"
    mask = os.umask(0o022)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


def test_what_is_planted_gives_way_to_a_whole_file(planted):
    if planted.is_dir() and not planted.is_symlink():
        with pytest.raises(IsADirectoryError, match=planted.name):
            write_whole(planted, write)
    elif planted.parent != Path("/dev"):
        write_whole(planted, write)
        assert not planted.is_symlink()
        assert planted.read_bytes() == b"whole"


def test_the_name_of_an_unfinished_file_is_another_each_time(tmp_path):
    """So that nobody can put a link there before."""
    names = []

    def look(file):
        names.extend(path.name for path in tmp_path.iterdir())

    for _ in range(10):
        write_whole(tmp_path / "report.html", look)
        (tmp_path / "report.html").unlink()
    assert len({*names}) == 10
    assert all(len(name) > len(".report.html..unfinished") + 15 for name in names)
    write_whole(tmp_path / ("ä" * 127), write)  # as long as a name may be
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
@pytest.mark.parametrize("way", [write_whole, write_named])
def test_a_file_keeps_its_mode_and_owner(tmp_path, way, mode):
    path = tmp_path / "report.html"
    path.touch()
    path.chmod(mode)
    if os.getuid() == 0:
        os.chown(path, 12345, 12346)
    before = path.stat()
    way(path, write)
    after = path.stat()
    assert path.read_bytes() == b"whole"
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode, before.st_uid, before.st_gid,
    )  # fmt: skip


def test_no_bits_that_lend_rights_are_kept(tmp_path):
    path = tmp_path / "file"
    path.touch()
    path.chmod(0o6755)
    write_whole(path, write)
    assert path.stat().st_mode & 0o7777 == 0o755


def test_a_new_file_may_be_the_users_alone(tmp_path):
    write_whole(tmp_path / "file", write, mode=0o600)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_a_link_that_the_user_names_is_followed(tmp_path, secret):
    link = tmp_path / "report.html"
    (tmp_path / "between").symlink_to(secret)
    link.symlink_to("between")
    write_named(link, write)
    assert link.is_symlink()
    assert secret.read_bytes() == b"whole"
    assert secret.stat().st_mode & 0o777 == 0o600
    secret.unlink()
    write_named(link, write)  # leads to nothing, as by `>`
    assert secret.read_bytes() == b"whole"


def test_a_fifo_that_the_user_names_is_written_into(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with ThreadPoolExecutor(1) as other:
        read = other.submit(fifo.read_bytes)
        write_named(fifo, write)
        assert read.result() == b"whole"
    assert stat.S_ISFIFO(fifo.lstat().st_mode)


def test_dev_null_stays_what_it_is():
    before = os.stat("/dev/null")
    write_named("/dev/null", write)
    after = os.stat("/dev/null")
    assert (after.st_ino, after.st_mode, after.st_rdev) == (
        before.st_ino, before.st_mode, before.st_rdev,
    )  # fmt: skip


@pytest.mark.parametrize("to_a_file", [False, True])
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_by_its_name(tmp_path, name, to_a_file):
    """A file that it was sent to is not replaced, since other output follows."""
    code = f"""
        from sweeper.files import write_named
        print("before", flush=True)
        write_named({name!r}, lambda file: file.write(b"whole\\n"))
        print("after")
    """
    with open(tmp_path / "said", "w+b") as said:
        done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True,
                              stdout=said if to_a_file else subprocess.PIPE)  # fmt: skip
        out = (tmp_path / "said").read_bytes() if to_a_file else done.stdout
    assert out == b"before\nwhole\nafter\n"
    assert [path.name for path in tmp_path.iterdir()] == ["said"]


def test_a_folder_inside_another_is_made_and_no_link(tmp_path, secret):
    assert plain_folder(tmp_path / "output") == plain_folder(tmp_path / "output")
    assert (tmp_path / "output").is_dir()
    (tmp_path / "link").symlink_to(secret.parent)
    with pytest.raises(NotADirectoryError, match=r"is a link, but must be a folder: '.*/link'"):
        plain_folder(tmp_path / "link")
    with pytest.raises(NotADirectoryError, match=r"is a plain file, but must be a folder"):
        plain_folder(secret)


def test_a_file_is_whole_or_not_there(tmp_path):
    path = tmp_path / "file.npy"

    def fails(file):
        file.write(b"half")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        write_whole(path, fails)
    assert list(tmp_path.iterdir()) == []
    write_whole(path, lambda file: file.write(b"whole"))
    assert path.read_bytes() == b"whole"


def test_a_file_that_can_not_be_written_is_named_as_it_was_given(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No such file or directory: '.*/no/file'"):
        write_whole(tmp_path / "no" / "file", write)
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match=r"Is a directory: '.*/folder'$"):
        write_whole(tmp_path / "folder", write)
    (tmp_path / "other").touch()
    with pytest.raises(NotADirectoryError, match=r"Not a directory: '.*/other/file'"):
        write_whole(tmp_path / "other" / "file", write)
    with pytest.raises(FileNotFoundError, match="another"):  # what `write` itself opens
        write_whole(tmp_path / "file", lambda file: (tmp_path / "another").read_bytes())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "other"]


@pytest.mark.slow
def test_the_lock_of_a_killed_process_is_free(tmp_path):
    code = """
        import sys, time
        from pathlib import Path
        from sweeper.files import locked
        print("trying", flush=True)
        with locked(Path(sys.argv[1])):
            print("locked", flush=True)
            time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert [other.stdout.readline() for _ in range(2)] == [b"trying\n", b"locked\n"]
        waiting = subprocess.Popen(
            [*command[:2], command[2].replace("time.sleep(60)", ""), str(tmp_path)],
            stdout=subprocess.PIPE,
        )
        assert waiting.stdout.readline() == b"trying\n"
        time.sleep(1)
        assert waiting.poll() is None
        other.kill()
        assert waiting.communicate(timeout=PATIENCE_S)[0] == b"locked\n"
    with locked(tmp_path):
        pass


def test_a_private_folder_is_the_users_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = private_folder("sweeper-test")
    assert folder == private_folder("sweeper-test")
    assert folder.stat().st_mode & 0o777 == 0o700


def test_somebody_elses_link_is_no_private_folder(tmp_path, monkeypatch):
    """To a folder of ours, which following the link would take for private."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "ours").mkdir()
    link = tmp_path / f"sweeper-test-{os.getuid()}"
    link.symlink_to(tmp_path / "ours")
    # Only root can give the link away; for others it's the check that has another user.
    if os.getuid() == 0:
        os.chown(link, 12345, 12345, follow_symlinks=False)
    else:
        uid = os.getuid()
        link.rename(tmp_path / f"sweeper-test-{uid + 1}")
        monkeypatch.setattr("os.getuid", lambda: uid + 1)
    with pytest.raises(PermissionError, match="is somebody else's"):
        private_folder("sweeper-test")


def test_a_lock_is_waited_for_but_not_for_ever(tmp_path):
    with locked(tmp_path), pytest.raises(TimeoutError, match=r"has held its lock for 0.1 s"):  # noqa: SIM117
        with locked(tmp_path, limit_s=0.1):
            pass
    with locked(tmp_path, limit_s=0.1):
        pass


def test_an_error_that_names_no_file_gets_the_path(tmp_path):
    with pytest.raises(OSError, match=r"No space left on device: 'here'") as full, named("here"):
        Path("/dev/full").write_bytes(b"x")
    assert full.value.errno == errno.ENOSPC
    with pytest.raises(FileNotFoundError, match="'there'"), named("here"):
        Path("there").read_bytes()
    with pytest.raises(TimeoutError, match=r"^late$"), named("here"):
        raise TimeoutError("late")


def test_a_disk_that_is_full_when_a_file_is_written_is_named_with_the_file(tmp_path):
    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    for write, path in ((write_whole, tmp_path / "x"), (write_named, Path("/dev/null"))):
        with pytest.raises(OSError, match=f"No space left on device: '{path}'"):
            write(path, full)
    assert list(tmp_path.iterdir()) == []


def test_no_more_is_read_than_is_asked_for(tmp_path):
    (tmp_path / "x").write_bytes(b"12345")
    assert read_plain(tmp_path / "x", most=5) == b"12345"
    with pytest.raises(ValueError, match=r"x: has more than 4 bytes\.$"):
        read_plain(tmp_path / "x", most=4)
