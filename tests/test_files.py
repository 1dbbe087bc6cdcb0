import os
import subprocess
import sys
import textwrap
import time

import pytest
from waiting import PATIENCE_S

from sweeper.files import locked, private_folder, write_whole


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
