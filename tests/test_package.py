import ast
import subprocess
import sys
from pathlib import Path

import sweeper

PACKAGE = Path(sweeper.__file__).parent
# The path of the data, which is the order of the files: each imports only what stands before it.
ORDER = [
    *("space_checks", "config_space", "space_text", "search_space", "searchers", "schedulers"),
    *("terminal", "trial", "modules", "node_files", "fashion_mnist", "data", "models"),
    *("random_states", "checkpoints", "training", "classifier", "output", "shared_data"),
    *(
        "objective",
        "objective_reference",
        "versions",
        "trainable",
        "cluster_token",
        "cluster",
        "nodes",
        "autoscaler",
        "fleet",
        "node_state",
        "doctor",
        "doctor_page",
        "limits",
        "journal",
        "mirror",
        "results",
    ),
    *("axes", "space_changes", "analysis", "importance", "training_advice", "advice"),
    *("certainty", "repetitions", "comparison"),
    *("plot_axes", "plot_data", "plot_style", "space_plots", "comparison_plot", "plots"),
    *("report_data", "report"),
    *("progress", "interrupts", "recorder", "provenance", "resume", "tuner", "watchdog"),
    *("run_checks", "sweep_folder", "sweep", "final_test", "confirmation"),
    *("job_screen", "head", "remote", "remote_commands"),
    *("run_options", "commands", "cli", "job_entry"),
]
TORCH = {
    "modules",
    "data",
    "models",
    "random_states",
    "checkpoints",
    "training",
    "classifier",
    "shared_data",
    "objective",
    "trainable",
}
PLOTLY = {"plot_style", "space_plots", "comparison_plot", "plots", "report"}
RAY = {
    *("search_space", "schedulers", "trainable", "cluster_token", "cluster", "nodes"),
    *("autoscaler", "fleet", "node_state", "doctor"),
    *("recorder", "tuner", "watchdog", "sweep", "head"),
}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def modules() -> dict[str, set[str]]:
    return {p.stem: imports(p) for p in PACKAGE.glob("*.py") if p.stem != "__init__"}


def test_order_names_every_file():
    assert sorted(ORDER) == sorted(modules())


def test_imports_point_backwards():
    for name, imported in modules().items():
        later = ORDER[ORDER.index(name) :]
        # The command line imports the package's public names when it needs them.
        assert not {f"sweeper.{other}" for other in later} & imported, name


def test_torch_ray_and_plotly_stay_where_they_belong():
    for name, imported in modules().items():
        roots = {module.partition(".")[0] for module in imported}
        assert "torch" not in roots or name in TORCH, name
        assert "ray" not in roots or name in RAY, name
        assert "plotly" not in roots or name in PLOTLY, name


def test_no_public_function_bears_the_name_of_a_module():
    assert not set(sweeper.__all__) & set(ORDER)


def test_public_names_are_there_and_documented():
    for name in sweeper.__all__:
        assert getattr(sweeper, name).__doc__, name


def test_import_and_help_load_nothing_heavy():
    heavy = "{'torch', 'ray', 'pandas', 'scipy.stats', 'numpy'} & set(sys.modules)"
    for code in (
        f"import sys, sweeper; sys.exit(str({heavy} or ''))",
        "import sys, contextlib\n"
        "from sweeper.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['run', '--help'])\n"
        f"sys.exit(str({heavy} or ''))",
    ):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stderr.strip() == ""


def test_files_stay_short():
    for path in PACKAGE.glob("*.py"):
        assert len(path.read_text().splitlines()) <= 330, path
