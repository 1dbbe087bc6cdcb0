"""Each objective is packed by one process, as a script or a file, and loaded by another."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from waiting import PATIENCE_S

pytestmark = pytest.mark.slow

PACK = """
def pack(objective):
    import pickle
    from sweeper.worker.packed_objective import pack_objective
    packed = pack_objective(objective)
    print(json.dumps([packed.first.imports, packed.reserve is not None]))
    with open("packed.pkl", "wb") as file:
        pickle.dump(packed, file)
"""
WORK = """
import json, pickle
from sweeper.worker.plain_process import become_plain
packed = pickle.load(open("packed.pkl", "rb"))
become_plain(packed.arguments)
objective = packed.load()
print(json.dumps(objective({"x": 2})))
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The user's directory, which only the program at home has in `sys.path`."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def python(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs Python in the user's directory."""
    places = os.pathsep.join(path for path in sys.path if path and "tests" not in path)
    environment = {**os.environ, "PYTHONPATH": places, "PYTHONSAFEPATH": ""}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=home, env=environment, capture_output=True, text=True, timeout=PATIENCE_S
    )


def write(home: Path, source: str, name: str = "train.py") -> None:
    (home / name).write_text("import json\n" + PACK + textwrap.dedent(source))


def packed_by_script(home: Path, source: str, *arguments: str) -> list[bool]:
    """Whether workers import what the script has packed, and whether there is a reserve."""
    write(home, source)
    done = python(home, "train.py", *arguments)
    assert done.returncode == 0, done.stderr
    kind: list[bool] = json.loads(done.stdout.splitlines()[-1])
    return kind


def at_work(home: Path) -> Any:
    """What the objective gives back in another process."""
    done = python(home, "-P", "-c", WORK)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


GUARDED = "if __name__ == '__main__':\n    pack(objective)\n"
CLASSES = """
import copy, dataclasses, functools, inspect, multiprocessing, pickle, traceback

@dataclasses.dataclass
class Point:
    x: int
    class Inner:
        pass

class Wider(Point):
    def area(self):
        return super().__eq__(self) and self.x

def double(x):
    return 2 * x

@functools.cache
def cached(x):
    return double(x)

def raises():
    raise KeyError("here")

def objective(config):
    points = pickle.loads(pickle.dumps([Point(1), Wider(2), Point.Inner(), double, cached]))
    assert type(points[0]) is Point and isinstance(points[1], Point) and points[1].area() == 2
    assert points[3] is double and points[4] is cached
    try:
        raises()
    except KeyError:
        line = traceback.format_exc().splitlines()[-2]
    numbers = []
    for method in METHODS:
        with multiprocessing.get_context(method).Pool(1) as pool:
            numbers += pool.map(double, [config["x"]])
    return [Point.__module__, line.strip(), inspect.getsource(double), numbers, cached(4)]

"""
SEEN = ["__main__", 'raise KeyError("here")', "def double(x):\n    return 2 * x\n"]


def test_a_scripts_classes_and_functions_are_found_by_name_in_all_processes(home):
    methods = "METHODS = ['fork', 'spawn', 'forkserver']\n"
    assert packed_by_script(home, CLASSES + methods + GUARDED) == [True, True]
    assert at_work(home) == [*SEEN, [4, 4, 4], 8]


def test_they_are_also_where_the_script_is_not(home):
    packed_by_script(home, CLASSES + "METHODS = ['fork', 'spawn']\n" + GUARDED)
    (home / "train.py").unlink()
    assert at_work(home) == [*SEEN, [4, 4], 8]


def test_without_a_guard_they_are_copies_that_can_be_pickled_all_the_same(home):
    source = CLASSES + "METHODS = ['fork']\npack(objective)\n"
    assert packed_by_script(home, source) == [False, False]
    assert at_work(home) == [*SEEN, [4], 8]
    (home / "train.py").unlink()
    assert at_work(home) == [*SEEN, [4], 8]


def test_a_file_is_a_module_of_its_name(home):
    methods = "METHODS = ['fork', 'spawn', 'forkserver']\n"
    write(home, CLASSES + methods + "if __name__ == '__main__':\n    pack(objective)\n")
    load = (
        "from sweeper.worker.objective_loading import load_objective\n"
        "import sys; f = load_objective('train.py:objective'); sys.modules['train'].pack(f)"
    )
    assert json.loads(python(home, "-c", load).stdout) == [True, True]
    assert at_work(home) == ["train", *SEEN[1:], [4, 4, 4], 8]


def test_a_prompts_classes_can_be_pickled(home):
    source = (
        "import json, pickle\n"
        + PACK
        + textwrap.dedent("""
        class Net: pass
        def objective(config):
            return type(pickle.loads(pickle.dumps(Net()))).__module__
        pack(objective)
    """)
    )
    done = python(home, "-c", source)
    assert done.stdout == "[false, false]\n", done.stderr
    assert at_work(home) == "__main__"


# Data that the program sets after its imports travel; nothing that it changes is lost


@pytest.mark.parametrize(
    ("source", "imports", "expected"),
    [
        ("DATA = None\ndef objective(config): return DATA\n"
         "if __name__ == '__main__':\n    DATA = [1, 2]\n", True, [1, 2]),
        ("def objective(config): return DATA\n"
         "if __name__ == '__main__':\n    DATA = [1, 2]\n", True, [1, 2]),
        ("SEEN = []\ndef inner(): return SEEN\ndef objective(config): return inner()\n"
         "if __name__ == '__main__':\n    SEEN.append(3)\n", True, [3]),
        ("rate = 1\ndef set_rate():\n    global rate\n    rate = 5\n"
         "def objective(config): return rate\nif __name__ == '__main__':\n    set_rate()\n",
         True, 5),
        ("class A:\n    seen = []\n    def __init__(self): pass\ndef objective(config): "
         "return A.seen\nif __name__ == '__main__':\n    A.seen.append(4)\n", True, [4]),
        ("class A:\n    def __call__(self, config): return SIZE * config['x']\n"
         "if __name__ == '__main__':\n    SIZE = 3\n    objective = A()\n", True, 6),
        ("def plus(k):\n    def objective(config): return config['x'] + k + SIZE\n"
         "    return objective\nif __name__ == '__main__':\n    SIZE = 3\n"
         "    objective = plus(4)\n", True, 9),
        ("import functools\ndef f(config, k): return helper(config['x']) + k\n"
         "def helper(x): return x + SIZE\nif __name__ == '__main__':\n    SIZE = 3\n"
         "    objective = functools.partial(f, k=4)\n", True, 9),
        ("def objective(config, seen=[]): return seen\n"
         "if __name__ == '__main__':\n    objective.__defaults__[0].append(1)\n", True, [1]),
        # What an import would give otherwise is copied.
        ("def helper(): return 1\ndef objective(config): return helper()\n"
         "if __name__ == '__main__':\n    def helper(): return 2\n", False, 2),
        ("def helper(): return 1\ndef objective(config): return helper()\n"
         "if __name__ == '__main__':\n    helper = lambda: 3\n", True, 3),
        ("import functools\ndef objective(config): return 1\n"
         "def twice(f):\n    @functools.wraps(f)\n    def g(config): return 2 * f(config)\n"
         "    return g\nif __name__ == '__main__':\n    objective = twice(objective)\n", False, 2),
        ("class A:\n    size = 1\ndef objective(config): return A.size\n"
         "if __name__ == '__main__':\n    A.size = 7\n", False, 7),
        ("class A:\n    size = 1\n    @classmethod\n    def grow(cls): cls.size = 8\n"
         "def objective(config): return A.size\nif __name__ == '__main__':\n    A.grow()\n",
         False, 8),
        ("class A:\n    def f(self): return 1\ndef objective(config): return A().f()\n"
         "def g(self): return 9\nif __name__ == '__main__':\n    setattr(A, 'f', g)\n", False, 9),
        ("import sys\ndef objective(config): return 1\n"
         "if len(sys.argv) > 1:\n    def objective(config): return 2\n", False, 2),
    ],
)  # fmt: skip
def test_globals_set_at_run_time(home, source, imports, expected):
    if "if __name__" not in source:
        source += "if __name__ == '__main__':\n    "
    assert packed_by_script(home, source + "    pack(objective)\n", "argument")[0] is imports
    assert at_work(home) == expected


def test_decorators_of_the_file_are_applied_again(home):
    source = """
        import functools
        def twice(f):
            @functools.wraps(f)
            def g(config):
                return 2 * f(config)
            return g
        @twice
        def objective(config):
            return SIZE
        if __name__ == "__main__":
            SIZE = 5
            pack(objective)
    """
    assert packed_by_script(home, source) == [True, True]
    assert at_work(home) == 10


def test_a_file_that_was_edited_since_is_not_imported(home):
    source = """
        from pathlib import Path
        def objective(config):
            return 1
        if __name__ == "__main__":
            Path(__file__).write_text(Path(__file__).read_text().replace("return 1", "return 2"))
            pack(objective)
    """
    assert packed_by_script(home, source) == [False, False]
    assert at_work(home) == 1


def test_a_script_that_can_not_be_imported_elsewhere_is_copied_and_said_so(home):
    source = """
        import sys
        if len(sys.argv) == 1:
            raise SystemExit("needs an argument")
        def objective(config):
            return [sys.argv[1:], 1]
        if __name__ == "__main__":
            pack(objective)
            sys.argv.append("more")
    """
    assert packed_by_script(home, source, "first") == [True, True]
    assert at_work(home) == [["first"], 1], "sys.argv is that of home"
    without = WORK.replace("become_plain(packed.arguments)", "become_plain(['train.py'])")
    done = python(home, "-P", "-c", without)
    assert done.stdout == "[[], 1]\n"
    assert "train.py can't be imported here (ImportError: " in done.stderr


def test_a_script_is_not_run_again_by_what_its_trials_spawn(home):
    """Without a guard it would start its sweep in each spawned process."""
    source = """
        import multiprocessing, sweeper
        def objective(config):
            process = multiprocessing.get_context("spawn").Process(target=print, args=("spawned",))
            process.start()
            process.join()
            return process.exitcode
        print("top level", flush=True)
        pack(objective)
        from sweeper.worker.objective_loading import refuse_while_loading
        refuse_while_loading()
    """
    write(home, source)
    python(home, "train.py")
    done = python(home, "-P", "-c", WORK)
    assert done.stdout.splitlines()[-1] == "1"
    assert "which starts a sweep. Put the call of sweeper.run under" in done.stderr


def test_torch_finds_models_and_their_source(home):
    source = """
        import io, torch
        class Data(torch.utils.data.Dataset):
            def __len__(self): return 4
            def __getitem__(self, i): return torch.tensor(i)
        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = torch.nn.Linear(1, 1)
            def forward(self, x):
                return self.layer(x)
        @torch.no_grad()
        def evaluate(net):
            return torch.is_grad_enabled()
        def objective(config):
            file = io.BytesIO()
            torch.save(Net(), file)
            file.seek(0)
            net = torch.load(file, weights_only=False)
            torch.jit.script(net)
            loader = torch.utils.data.DataLoader(
                Data(), num_workers=1, multiprocessing_context="spawn"
            )
            return [type(net) is Net, evaluate(net), sum(int(i) for i in loader)]
        if __name__ == "__main__":
            pack(objective)
    """
    assert packed_by_script(home, source) == [True, True]
    assert at_work(home) == [True, False, 6]
