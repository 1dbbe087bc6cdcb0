import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from sweeper.worker.output import OutputFile


def run(code: str, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_everything_printed_goes_to_the_workers_file(tmp_path: Path):
    done = run(
        """
        import logging, os, subprocess, sys
        from pathlib import Path
        from sweeper.worker.output import OutputFile
        output = OutputFile("w1", Path(sys.argv[1]))
        print("before")
        for trial in (0, 1):
            with output:
                output.title(f"trial {trial}")
                print("printed", trial)
                print("error", trial, file=sys.stderr)
                os.write(1, b"from a C library\\n")
                subprocess.run(["echo", "from a child"])
                logging.warning("logged")
        print("after", repr(output.unread()))
        """,
        str(tmp_path),
    )
    assert done.stdout == "before\nafter ''\n"
    assert done.stderr == ""
    text = (tmp_path / "output" / "w1.txt").read_text()
    for trial in (0, 1):
        part = text.split(f"--- trial {trial}\n")[1].split("---")[0]
        assert sorted(part.splitlines()) == sorted(
            [
                f"printed {trial}",
                f"error {trial}",
                "from a C library",
                "from a child",
                "WARNING:root:logged",
            ]
        )


@pytest.mark.parametrize("in_folder", [True, False])
def test_a_title_stands_on_a_line_of_its_own(tmp_path: Path, in_folder: bool):
    output = OutputFile("w1", tmp_path if in_folder else None)
    for trial, printed in enumerate(("50 %", "done\n", "")):
        output.title(f"trial {trial}, replicate 0")
        os.write(output.file.fileno(), printed.encode())
    text = (tmp_path / "output" / "w1.txt").read_text() if in_folder else output.unread()
    assert text == (
        "--- trial 0, replicate 0\n50 %\n--- trial 1, replicate 0\ndone\n--- trial 2, replicate 0\n"
    )


def test_a_dying_process_leaves_its_last_words(tmp_path: Path):
    code = """
        import os, sys
        from pathlib import Path
        from sweeper.worker.output import OutputFile
        with OutputFile("w1", Path(sys.argv[1])):
            print("last words")
            os._exit(3)
    """
    assert run(code, str(tmp_path)).returncode == 3
    assert (tmp_path / "output" / "w1.txt").read_text() == "last words\n"


def test_without_a_folder_what_is_new_is_handed_over(tmp_path: Path):
    done = run(
        """
        from sweeper.worker.output import OutputFile
        output = OutputFile("w1", None)
        seen = []
        for i in range(2):
            with output:
                print("line", i)
            seen.append(output.unread())
        with output:
            print("x" * 3_000_000)
        print(seen, len(output.unread()), repr(output.unread()))
        """
    )
    assert done.stdout == f"['line 0\\n', 'line 1\\n'] {1 << 20} ''\n"


def test_an_objective_that_closes_its_output_harms_nobody(tmp_path: Path):
    done = run(
        """
        import sys
        from pathlib import Path
        from sweeper.worker.output import OutputFile
        output = OutputFile("w1", Path(sys.argv[1]))
        with output:
            sys.stdout.close()
        with output:
            sys.stdout = None
        with output:
            print("still here")
        print("outside")
        """,
        str(tmp_path),
    )
    assert (done.stdout, done.stderr) == ("outside\n", "")
    assert (tmp_path / "output" / "w1.txt").read_text() == "still here\n"


def test_file_descriptors_are_given_back(tmp_path: Path):
    done = run(
        """
        import os, sys
        from pathlib import Path
        from sweeper.worker.output import OutputFile
        output = OutputFile("w1", Path(sys.argv[1]))
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(50):
            with output:
                pass
        print(len(os.listdir("/proc/self/fd")) - before)
        """,
        str(tmp_path),
    )
    assert done.stdout == "0\n"
    assert os.path.exists(tmp_path / "output" / "w1.txt")
