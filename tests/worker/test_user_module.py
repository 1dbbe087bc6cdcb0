import inspect
import linecache
import subprocess
import sys
import textwrap

import pytest

from sweeper.worker.user_module import find_user_module, show_sources

SOURCE = "class Net:\n    class Part: pass\ndef f(): return __name__\nNAME = __name__\n"


def in_another_process(code: str) -> str:
    """What a Python of its own prints, whose modules are exchanged."""
    imports = "import sys\nfrom sweeper.worker.user_module import *\n"
    command = [sys.executable, "-c", imports + textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_script_is_main_though_it_was_imported(tmp_path):
    (tmp_path / "train.py").write_text(SOURCE)
    code = f"""
        module = UserModule("__main__", {str(tmp_path / "train.py")!r}, {SOURCE!r})
        module.import_it()
        main = sys.modules["__main__"]
        print(main.__name__, main.NAME, main.f(), main.Net.__module__, main.Net.Part.__module__)
        print(main.__file__, main is sys.modules["__mp_main__"])
    """
    expected = "__main__ __mp_main__ __main__ __main__ __main__\n"
    assert in_another_process(code) == f"{expected}{tmp_path / 'train.py'} True\n"


@pytest.mark.slow
@pytest.mark.parametrize("there", ["gone", "edited"])
def test_a_file_that_is_not_here_is_written(tmp_path, there):
    if there == "edited":
        (tmp_path / "train.py").write_text(SOURCE + "# more\n")
    code = f"""
        UserModule("train", {str(tmp_path / "train.py")!r}, {SOURCE!r}).import_it()
        import train, subprocess
        assert Path(train.__file__).read_text() == {SOURCE!r}
        assert train.__file__ != {str(tmp_path / "train.py")!r}
        print(train.f(), train.Net.__module__)
        subprocess.run([sys.executable, "-c", "import train"], check=True,
                       env={{**os.environ, "PYTHONPATH": ":".join(sys.path)}})
    """
    assert in_another_process(code) == "train train\n"


@pytest.mark.slow
def test_one_that_ends_the_process_does_not(tmp_path):
    code = f"""
        module = UserModule("__main__", {str(tmp_path / "t.py")!r}, "import sys; sys.exit(0)")
        try:
            module.import_it()
        except ImportError as error:
            print(error)
    """
    assert in_another_process(code).endswith("t.py ends the process while it is imported\n")


@pytest.mark.slow
def test_a_part_of_a_package_keeps_its_relative_imports(tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "neighbour.py").write_text("VALUE = 3\n")
    source = "from .neighbour import VALUE\n"
    (package / "train.py").write_text(source)
    code = f"""
        sys.path.append({str(tmp_path)!r})
        path = {str(package / "train.py")!r}
        UserModule("__main__", path, {source!r}, "package", "package.train").import_it()
        main = sys.modules["__main__"]
        print(main.VALUE, main.__spec__.name)
    """
    assert in_another_process(code) == "3 package.train\n"


def test_installed_modules_are_no_users_modules():
    for name in ("json", "pytest", "sweeper.worker.user_module", "is not there", None):
        assert find_user_module(name) is None


def test_sources_without_files_are_shown():
    source = "def f():\n    return 1 / 0\n"
    names = {}
    exec(compile(source, "/nowhere/cell.py", "exec"), names)
    show_sources({"/nowhere/cell.py": source})
    linecache.checkcache()
    assert inspect.getsource(names["f"]) == source
