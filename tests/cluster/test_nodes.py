"""Questions to nodes that differ: another torch on one, another source of sweeper on the next."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from drivers import said, start
from ray.cluster_utils import Cluster
from waiting import PATIENCE_S, wait_until

import sweeper

FAKE = "Metadata-Version: 2.1\nName: torch\nVersion: 9.9\n"


def other_torch(folder: Path) -> dict[str, str]:
    """The environment of a node on which torch seems to be version 9.9."""
    metadata = folder / "torch-9.9.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(FAKE)
    return {"PYTHONPATH": _first(folder)}


def other_source(folder: Path) -> dict[str, str]:
    """The environment of a node that has another checkout of sweeper."""
    shutil.copytree(Path(sweeper.__file__).parent, folder / "sweeper")
    with open(folder / "sweeper" / "training" / "trial.py", "a") as file:
        file.write("# one more line\n")
    return {"PYTHONPATH": _first(folder)}


def no_sweeper(folder: Path) -> dict[str, str]:
    """The environment of a node on which sweeper can't be imported."""
    folder.mkdir()
    (folder / "sweeper.py").write_text("raise ModuleNotFoundError('No module named sweeper')\n")
    return {"PYTHONPATH": _first(folder)}


def _first(folder: Path) -> str:
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))


@contextmanager
def running(**head) -> Iterator[Cluster]:
    """A cluster whose head has one CPU."""
    head = {"num_cpus": 1, "include_dashboard": False, **head}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        yield cluster
    finally:
        cluster.shutdown()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    """A node like this process, one with another torch, one with another sweeper, one without."""
    with running() as cluster:
        cluster.id_of = {}
        for differs in (other_torch, other_source, no_sweeper):
            folder = tmp_path_factory.mktemp("node") / "packages"
            node = cluster.add_node(num_cpus=1, env_vars=differs(folder))
            cluster.id_of[differs] = node.node_id
        yield cluster


def run(code: str, cluster: Cluster, folder: Path) -> subprocess.CompletedProcess:
    """A program whose Ray is the cluster."""
    (folder / "script.py").write_text(textwrap.dedent(code))
    return subprocess.run(
        [sys.executable, "script.py"], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "RAY_ADDRESS": cluster.address},
    )  # fmt: skip


SWEEP = """
    import sweeper

    def objective(config):
        return config["x"]

    try:
        sweeper.run(objective, {"x": [1, 2]}, sweeper.GridSearch(), name="s")
    except ValueError as error:
        print(error)
"""


def test_other_versions_are_one_error_with_a_line_for_each_and_nothing_is_started(
    tmp_path, cluster
):
    done = run(SWEEP, cluster, tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 5, done.stdout
    for differs, fault in (
        (other_torch, "torch 9.9, the driver has 2."),
        (other_source, f"sweeper {sweeper.__version__} (source "),
        (no_sweeper, f"sweeper is missing, the driver has {sweeper.__version__} (source "),
    ):
        (line,) = (line for line in lines if f"-{cluster.id_of[differs][:6]}: " in line)
        assert fault in line
    assert "Install the driver's versions" in lines[-1]
    assert not (tmp_path / "runs").exists()


ASKS_NONE = """
    from sweeper.cluster import nodes

    def ask_none(question, *arguments, nodes):
        assert nodes == []
        return []

    nodes.ask_nodes = ask_none
"""


@pytest.mark.lab
def test_the_only_node_is_compared_too_unless_this_process_has_started_it(tmp_path):
    differs = other_torch(tmp_path / "packages")
    own = SWEEP.replace('"s"', '"s", address="local"')
    with running(env_vars=differs) as cluster:
        refused = run(SWEEP, cluster, tmp_path)
        done = run(ASKS_NONE + own, cluster, tmp_path)
    assert "torch 9.9, the driver has 2." in refused.stdout
    assert done.returncode == 0, done.stderr
    assert "2/2 trials" in done.stderr


ASK = """
    import os
    import time
    from pathlib import Path
    import ray
    from sweeper.cluster.connection import connected
    from sweeper.cluster.nodes import alive_nodes, ask_nodes, nodes_without

    def differently():
        node = ray.get_runtime_context().get_node_id()
        if node == raises:
            raise KeyError("what was asked for")
        if node == sleeps:
            time.sleep(60)
        if node == dies:
            os._exit(1)
        return node

    with connected(None):
        here = ray.get_runtime_context().get_node_id()
        nodes = [node["NodeID"] for node in alive_nodes()]
        raises, sleeps, dies = (node for node in nodes if node != here)
        ask_nodes(lambda: None)  # so that the processes that answer are there
        answers = {answer.node["NodeID"]: answer for answer in ask_nodes(differently, limit_s=10)}
        assert list(answers) == nodes
        assert (answers[here].value, answers[here].silence) == (here, None)
        assert repr(answers[raises].exception) == "KeyError('what was asked for')"
        assert answers[sleeps].silence == "no answer within 10 s"
        assert answers[dies].silence
        assert answers[dies].exception is answers[sleeps].exception is None
        assert ask_nodes(differently, nodes=[]) == []
        Path("here").write_text("the same file")
        assert nodes_without(Path("here")) == []
        hidden = Path("/proc/self/environ")  # each process sees its own
        blind = [answer.name for node, answer in answers.items() if node != here]
        assert nodes_without(hidden) == blind
"""


def test_what_each_node_answers_and_which_do_not(tmp_path, cluster):
    done = run(ASK, cluster, tmp_path)
    assert done.returncode == 0, done.stderr


# Trials but the first wait until a worker has been refused for its node's versions.
JOINED = """
    from pathlib import Path
    import ray
    from waiting import wait_until
    import sweeper
    from sweeper.sweep import failures

    failures._MISSED, failures._MISSED_FOR_S = 3, 3

    def objective(config):
        node = ray.get_runtime_context().get_node_id()
        Path(f"ran-{config['x']}-{node}").touch()
        if config["x"]:
            wait_until(lambda: "torch 9.9, the driver has" in Path("said.txt").read_text())
        return config["x"]

    if __name__ == "__main__":
        sweeper.run(objective, {"x": list(range(10))}, sweeper.GridSearch(), name="s")
"""


@pytest.mark.lab
@pytest.mark.parametrize("head_cpus", [1, 0], ids=["beside another", "alone"])
def test_a_node_that_comes_later_with_other_versions_runs_no_trial_and_is_named(
    tmp_path, head_cpus
):
    """The others run them all. Without others the sweep ends, and can be resumed."""
    with running(num_cpus=head_cpus) as cluster:
        second = cluster.add_node(num_cpus=1)
        with start(tmp_path, cluster, JOINED) as driver:
            wait_until(lambda: list(tmp_path.glob(f"ran-[1-9]-{second.node_id}")), driver)
            cluster.remove_node(second, allow_graceful=False)
            joined = cluster.add_node(num_cpus=1, env_vars=other_torch(tmp_path / "packages"))
            code = driver.wait(PATIENCE_S)
    printed = said(tmp_path)
    named = rf"{joined.node_id[:6]}.* torch 9\.9, the driver has 2\."
    assert not list(tmp_path.glob(f"ran-*-{joined.node_id}"))
    frame = sweeper.load(tmp_path / "runs" / "s").frame
    if head_cpus:
        assert code == 0, printed
        assert re.search(named, printed)
        assert list(frame["validation_error"]) == list(range(10))
        return
    assert code == 1, printed
    assert printed.count("A worker did not start, its trial is tried again: ") == 1
    assert len(re.findall(named, printed)) == 2  # at once and in the end
    assert "ChildProcessError: No worker starts any more" in printed
    assert {*frame["status"]} <= {"finished", "interrupted"}
    assert "interrupted" in {*frame["status"]}
    assert "Go on with" in printed
