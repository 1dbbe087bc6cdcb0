"""Every block of code and every command of the README and of docs/ is run, each page in a folder of
its own and from top to bottom: on less data, in this process and without Ray, for which the other
tests are there. What is not run is listed here, with the reason, and checked as far as it can be.
"""

import linecache
import re
import runpy
import shlex
import subprocess
import sys
import types
from pathlib import Path

import pytest
import ray.scripts.scripts
import yaml
from doc_pages import PAGES, ROOT, Block, blocks

import sweeper
from sweeper.cli.main import main
from sweeper.cli.parser import parser

pytestmark = pytest.mark.slow

# A page is the same with small numbers.
SMALLER = {
    r"FashionMNIST\b": "Digits",
    r"sweeper run --data digits": "sweeper run --data digits --max-epochs 2",
    r"(train_loss --scheduler asha --trials) \d+": r"\1 10",  # one, by the next line: loads torch
    r"(trials[=:]? ?)(\d+)": lambda found: f"{found[1]}{max(1, int(found[2]) // 10)}",
    r"\bmax_epochs=[89]\b": "max_epochs=3",
    r"\breplicates=5\b": "replicates=2",
    r"--hidden \{hidden\} --seed": "--hidden {hidden} --epochs 2 --seed",
}
# The start of a command: why it is not run here.
ONLY_PARSED = {
    "python3 -m venv": "the tests have an environment",
    "source .venv/bin/activate": "the tests have an environment",
    "pip install": "needs the network and minutes; CI installs the package the same way",
    "bash scripts/run.sh": "run by test_scripts.py",
    "bash scripts/test.sh": "it is what runs this",
    "chmod 600 ~/.ray/auth_token": "test_lab.py does it, in a home of its own",
    "ray ": "needs a cluster; test_lab.py has one",
    "RAY_AUTH_MODE=token ray job submit": "needs a cluster; test_lab.py has one",
    "sweeper doctor --cluster": "needs a cluster; test_lab.py has one",
    "sweeper run --trials 1 --cluster": "needs a cluster; test_lab.py has one",
    "sweeper watch": "runs until Ctrl-C; tests/html_report/test_watching.py has it",
    "sweeper attach": "needs a cluster; test_lab.py has one",
    "sweeper resume runs/NAME": "needs a cluster; test_lab.py has one",
    "sweeper run --gpus": "needs a GPU; test_gpu.py has one",
}
# What a block of Python has in it: why it is only compiled.
ONLY_COMPILED = {
    "import wandb": "needs an account",
    "from ray import tune": "starts Ray, to show another tool",
}
# A file that no command or block of its page uses: why.
UNUSED = {"wandb-sweep.yaml": "it is for W&B, of which there is none here"}
LANGUAGES = {"python", "console", "yaml", "text", "{toctree}", "{include}", "{glossary}",
             "{eval-rst}"}  # fmt: skip


@pytest.fixture
def home(tmp_path, monkeypatch, one_thread):
    """A folder to work in, as a notebook has it: what is imported from it is forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "cluster.yaml").symlink_to(ROOT / "cluster.yaml")
    for name in ("run", "confirm"):
        whole = getattr(sweeper, name)

        def inline(*arguments, _whole=whole, **options):
            return _whole(*arguments, **({"progress": False} | options | {"address": "inline"}))

        monkeypatch.setattr(sweeper, name, inline)
    files = [block.file_name for page in PAGES for block in blocks(page) if block.file_name]
    for name in {Path(file).stem for file in files} & set(sys.modules):
        monkeypatch.delitem(sys.modules, name)  # a mine.py of another test
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("page", [page for page in PAGES if "```" in PAGES[page]])
def test_a_page_runs_from_top_to_bottom(page, home, monkeypatch):
    notebook = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", notebook)
    for block in blocks(page):
        assert block.language in LANGUAGES, f"{block.place}: say what it is"
        text = smaller(block.text)
        if block.file_name:
            Path(block.file_name).write_text(text)
            linecache.checkcache()
        if block.language == "python":
            run_python(block, text, notebook)
        elif block.language == "yaml":
            assert isinstance(yaml.safe_load(text), dict), block.place
        for command in block.commands if block.language == "console" else []:
            run_command(smaller(command), block.place)


def smaller(text: str) -> str:
    """The same with less work in it."""
    for large, small in SMALLER.items():
        text = re.sub(large, small, text, flags=re.MULTILINE)
    return text


def run_python(block: Block, text: str, notebook: types.ModuleType) -> None:
    """Runs it, unless it is a file, which a command or an import runs."""
    name = f"<{block.place}>"
    code = compile(text, name, "exec")
    if block.file_name or any(has in text for has in ONLY_COMPILED):
        return
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(code, notebook.__dict__)


def run_command(command: str, place: str) -> None:
    """As in a shell, but sweeps run in this process and scripts, too."""
    if any(command.startswith(start) for start in ONLY_PARSED):
        check_command(command, place)
        return
    program, *words = shlex.split(command)
    if program == "sweeper":
        if words[0] in ("run", "resume", "confirm"):
            words = inline(words)
        assert main(words) == 0, f"{place}: {command}"
    else:
        assert program == "python", f"{place}: {command}: can't be run here. Is it to be listed?"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", words)
            runpy.run_path(words[0], run_name="__main__")


def inline(words: list[str]) -> list[str]:
    """The words of a sweep for one in this process, whose report test_page.py looks at."""
    for option in ("--address", "--workers"):
        if option in words:
            at = words.index(option)
            words = words[:at] + words[at + 2 :]
    no_report = [] if words[0] == "confirm" else ["--no-report"]
    return [*words, "--address", "inline", "--quiet", *no_report]


def check_command(command: str, place: str) -> None:
    """A command that can't be run here is one that the program understands."""
    words = shlex.split(re.sub(r"^\w+=\w+ ", "", command))
    if words[0] == "sweeper":
        parser().parse_args(words[1:])
    elif words[0] == "ray":
        group, rest = ray.scripts.scripts.cli, words[1:]
        if rest[0] == "job":
            group, rest = group.commands["job"], rest[1:]
        group.commands[rest[0]].make_context(rest[0], list(rest[1:]))
    elif words[0] == "bash":
        assert (ROOT / words[1]).exists(), place
    elif words[:2] == ["pip", "install"]:
        extras = set(re.findall(r"(?<=\[)\w+", command))
        assert extras <= set(re.findall(r"^(\w+) = \[$", pyproject(), re.MULTILINE)), place


def pyproject() -> str:
    """The package's description."""
    return (ROOT / "pyproject.toml").read_text()


def test_python_shell_and_yaml_say_the_same_space(home, capsys):
    functions, described = blocks("docs/howto/objective.md"), blocks("docs/howto/yaml.md")
    (mine,) = (block for block in functions if block.file_name == "mine.py")
    (options,) = (block for block in described if block.file_name == "sweep.yaml")
    (shell,) = (
        command
        for block in functions
        for command in block.commands
        if command.startswith("sweeper run")
    )
    Path("mine.py").write_text(mine.text)
    Path("sweep.yaml").write_text(options.text)
    space = runpy.run_path("mine.py")["config_space"]
    for words, searcher in (
        (shlex.split(shell)[1:], sweeper.RandomSearch(num_trials=16)),
        (["run", "sweep.yaml"], sweeper.BayesianSearch(num_trials=16)),
    ):
        main([*words, "--dry-run"])
        assert capsys.readouterr().out == f"{sweeper.preview(space, searcher, seed=0)}\n"


def test_nothing_is_listed_that_is_not_there():
    all_blocks = [block for page in PAGES for block in blocks(page)]
    commands = [smaller(command) for block in all_blocks for command in block.commands]
    for start in ONLY_PARSED:
        assert any(command.startswith(start) for command in commands), start
    text = "\n".join(block.text for block in all_blocks)
    for known in [*ONLY_COMPILED, *UNUSED]:
        assert known in text


@pytest.mark.parametrize("page", PAGES)
def test_each_file_of_a_page_is_run_or_imported_there(page):
    users = [block for block in blocks(page) if block.file_name is None]
    users += [block for block in blocks(page) if block.language == "yaml"]
    for name in {block.file_name for block in blocks(page)} - {None, *UNUSED}:
        others = [block.text for block in users if block.file_name != name]
        use = rf"\b{re.escape(name)}\b|^from {Path(name).stem} import"
        assert re.search(use, "\n".join(others), re.MULTILINE), name


def test_a_prompt_is_at_the_start_of_each_command():
    for page in PAGES:
        for block in blocks(page):
            if block.language == "console":
                assert block.text.startswith("$ "), block.place


def test_the_readme_is_short_and_names_only_files_that_exist():
    assert len(PAGES["README.md"].splitlines()) <= 130
    for target in re.findall(r"\]\((?!http|#)([^)#]+)\)", PAGES["README.md"]):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_a_page_mentions_only_scripts_and_tests_that_exist(page):
    for name in re.findall(r"\b(?:scripts|tests|examples)/[\w/-]+\.\w+", PAGES[page]):
        assert (ROOT / name).exists(), name


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The pages as scripts/docs.sh builds them."""
    folder = tmp_path_factory.mktemp("site")
    (options,) = re.findall(r"-m sphinx (.*) \"\$@\"", (ROOT / "scripts" / "docs.sh").read_text())
    command = [sys.executable, "-m", "sphinx", *options.split(), ROOT / "docs", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_builds_without_a_warning_and_fetches_nothing(site):
    for page in site.rglob("*.html"):
        text = page.read_text()
        fetched = re.findall(r"<(?:script|img|iframe)[^>]* src=\"([^\"]+)\"", text)
        fetched += re.findall(r"<link[^>]* rel=\"stylesheet\"[^>]* href=\"([^\"]+)\"", text)
        assert not [url for url in fetched if "//" in url], page


def test_the_reference_has_all_public_names_and_all_options(site):
    api = (site / "reference" / "api.html").read_text()
    assert [name for name in sweeper.__all__ if f'id="sweeper.{name}"' not in api] == []
    cli = re.sub(r"<[^>]+>", "", (site / "reference" / "cli.html").read_text())
    for command in parser()._subparsers._group_actions[0].choices.values():
        for option in command._actions:
            assert all(name in cli for name in option.option_strings), option
