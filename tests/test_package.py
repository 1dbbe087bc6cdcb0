import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sweeper

PACKAGE = Path(sweeper.__file__).parent
# The path of the data, which is the order of the folders and of the files in each: a file imports
# only what stands before it.
ORDER = {
    "": ["terminal", "text_table", "live", "files", "faults", "extras"],
    "space": [
        *("expressions", "conditions", "distributions", "rounded", "problems", "foreign_forms"),
        *("checks", "combinations", "senseless", "space", "config_space", "grids", "words"),
        *("number_lists", "calls", "reading", "text"),
        *("changes", "membership", "search_space"),
    ],
    "search": [
        *("metric", "known", "arguments", "sequences", "whole_spaces"),
        *("random_search", "grid_search", "sobol_search", "model_axes", "outlook", "replacements"),
        *("bayesian_search", "searcher", "asha", "ranking", "top_two"),
    ],
    "training": [
        *("trial", "modules", "fashion_mnist", "data", "models"),
        *("random_states", "checkpoints", "loaders", "trainer", "classifier"),
    ],
    "worker": [
        *("output", "shared_data", "surroundings", "memory", "metrics", "reporting", "objective"),
        *("own_modules", "objective_loading", "reads", "value_text", "look_up", "object_state"),
        *("whole_files", "objective_state", "objective_reference", "plain_process"),
        *("process_state", "definitions", "user_module", "objective_pickler"),
        *("packed_objective", "versions"),
        *("reports", "packed_folder", "running_trial", "fresh_server", "fresh_trial"),
        *("nested_ray", "trainable"),
        *("keeper", "script", "command_words", "printed_metrics", "command"),
    ],
    "cluster": [
        *(
            "resources",
            "strangers",
            "ray_internals",
            "token",
            "processes",
            "guard",
            "pulse",
            "ray_thread",
        ),
        *("watchdog", "connection", "nodes", "autoscaler"),
        *("fleet", "node_state", "doctor", "doctor_page"),
    ],
    "record": [
        *("rows", "unwritable", "lines", "journal", "looks", "own_sweeps", "running", "mirror"),
        "settled",
        *("columns", "given_values", "listing", "results"),
        *("sweep_definition", "objective_changes", "provenance", "differences", "resume"),
        "sweep_folder",
    ],
    "analysis": [
        *("axes", "draws", "epochs_spent", "best_so_far", "busy_workers", "importance"),
        *(
            "training_advice",
            "advice",
            "trained_again",
            "certainty",
            "repetitions",
            "trajectories",
            "verdict",
        ),
        "comparison",
    ],
    "plots": [
        "scales",
        "frames",
        "style",
        "over_space",
        "across_space",
        "over_trials",
        "over_epochs",
        "side_by_side",
    ],
    "html_report": ["contents", "page", "watching"],
    "export": [
        *("tables", "moments", "runs", "event_files", "optuna_values", "optuna_journal"),
        *("mlflow_keys", "mlflow_database"),
    ],
    "sweep": [
        *("traps", "ranges", "preview"),
        *("limits", "execution", "nesting", "knowledge", "core", "interrupts", "progress"),
        *("stops", "suggestions", "trial_folders", "conductor", "failures", "travelling"),
        *("inline", "tune_hooks", "on_ray", "searcher_process", "executors"),
        *("ending", "sweep", "final_test", "confirmation_plan", "confirmation"),
    ],
    "remote": ["screen", "head", "job", "commands"],
    "cli": [
        *(
            "option_texts",
            "option_file",
            "option_kinds",
            "script_hint",
            "options",
            "reading",
            "run_arguments",
            "running",
            "going_on",
            "subcommand",
            "reading_parser",
            "run_parser",
            "going_on_parser",
            "parser",
            "main",
        ),
        "job_entry",
    ],
}
FILES = [f"{folder}/{name}".lstrip("/") for folder, names in ORDER.items() for name in names]
TORCH = {f"training/{name}" for name in ORDER["training"]} - {"training/trial"}
TORCH -= {"training/fashion_mnist"}
TORCH |= {"worker/shared_data"}
RAY = {f"cluster/{name}" for name in ORDER["cluster"]} - {"cluster/resources"}
RAY -= {"cluster/doctor_page", "cluster/strangers"}
RAY |= {"worker/trainable", "worker/nested_ray", "space/search_space", "remote/head"}
RAY |= {f"sweep/{name}" for name in ("tune_hooks", "on_ray", "searcher_process")}
PLOTLY = {f"plots/{name}" for name in ORDER["plots"]} - {"plots/scales", "plots/frames"}
PLOTLY |= {"html_report/page"}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def files() -> dict[str, set[str]]:
    """Folder and name of each file of the package, such as `space/checks` → what it imports."""
    return {
        path.relative_to(PACKAGE).with_suffix("").as_posix(): imports(path)
        for path in PACKAGE.rglob("*.py")
        if path.stem not in ("__init__", "__main__")
    }


def test_order_names_every_file():
    assert sorted(FILES) == sorted(files())


def test_imports_point_backwards():
    for name, imported in files().items():
        # `import sweeper` alone imports no file: its names load on first use.
        later = {f"sweeper.{other.replace('/', '.')}" for other in FILES[FILES.index(name) :]}
        folders = [*ORDER][[*ORDER].index(name.rpartition("/")[0]) + 1 :]
        assert not (later | {f"sweeper.{folder}" for folder in folders}) & imported, name


def test_torch_ray_and_plotly_stay_where_they_belong():
    for name, imported in files().items():
        roots = {module.partition(".")[0] for module in imported}
        for library, places in (("torch", TORCH), ("ray", RAY), ("plotly", PLOTLY)):
            assert library not in roots or name in places, name


def test_private_parts_of_ray_are_used_in_one_file():
    for path in PACKAGE.rglob("*.py"):
        found = re.search(r'[^"\w.]ray\._', path.read_text())
        assert not found or path.stem == "ray_internals", path


def test_no_public_function_bears_the_name_of_a_module():
    assert not set(sweeper.__all__) & {name.partition("/")[0] for name in FILES}


def test_public_names_are_there_and_documented():
    for name in sweeper.__all__:
        assert getattr(sweeper, name).__doc__, name


@pytest.mark.slow
def test_what_the_docstring_of_analysis_names_is_there_after_its_import():
    """In a process of its own: any import of such a module would make an attribute of it."""
    code = (
        "import re, operator; from sweeper import analysis\n"
        "for name in re.findall(r'`analysis[.]([a-z_.]+)`', analysis.__doc__):\n"
        "    print(operator.attrgetter(name)(analysis).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["importance", "advice", "winner"], done.stderr


def test_import_and_help_load_nothing_heavy():
    heavy = "{'torch', 'ray', 'pandas', 'scipy.stats', 'numpy'} & set(sys.modules)"
    for code in (
        f"import sys, sweeper; sys.exit(str({heavy} or ''))",
        "import sys, contextlib\n"
        "from sweeper.cli.main import main\n"
        "with contextlib.suppress(SystemExit): main(['run', '--help'])\n"
        f"sys.exit(str({heavy} or ''))",
    ):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stderr.strip() == ""


def test_files_stay_short():
    for path in PACKAGE.rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 300, path
