"""Helps users who give a script in place of an objective: says which command to write."""

import ast
import shlex
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

_RUN_BY = {".py": "python", ".sh": "bash", ".r": "Rscript", ".jl": "julia"}
_MOST = 6  # names that are listed


def objective_fault(
    objective: str, rest: Sequence[str], hyperparameters: Collection[str]
) -> str | None:
    """Says what to write in place of an objective that names no function; None if it does.

    Args:
        objective: the objective as it was given.
        rest: the words after it that no option takes; they may belong to a script.
        hyperparameters: the names in the space.
    """
    place, colon, name = objective.rpartition(":")
    if place and colon and name:
        return None
    suffix = Path(objective).suffix.lower()
    if suffix == ".ipynb":
        return (
            f"{objective}: a notebook can't be an objective. Save it as a script: "
            f"jupyter nbconvert --to script {shlex.quote(objective)}; or call sweeper.run in it."
        )
    rule = f"{objective}: must be module:function or file.py:function, or a YAML file of options."
    if suffix not in _RUN_BY and not rest:
        return f"{rule} Name the function: {objective}:NAME."
    program = [_RUN_BY[suffix]] if suffix in _RUN_BY else []
    words = [*program, objective, *rest]
    command = _command(words, list(hyperparameters)[:_MOST] or ["lr"])
    hint = f"{rule} A script as it is: --command '{command}' --metric NAME_OF_A_PRINTED_NUMBER."
    if suffix != ".py":
        return hint
    if not Path(objective).is_file():
        return f"{hint} But there is no such file here."
    functions = _functions(Path(objective))
    if not functions:
        return hint
    return f"{hint} A function in it, {' or '.join(functions)}: {objective}:{functions[0]}."


def is_program(objective: str) -> bool:
    """Checks that this is a script, by its suffix, or a program that can be run here."""
    return Path(objective).suffix.lower() in _RUN_BY or shutil.which(objective) is not None


def _command(words: list[str], names: list[str]) -> str:
    """Returns the words with a placeholder for each name, in place of its value if any."""
    texts = [shlex.quote(word) for word in words]
    for name in names:
        flags = (f"--{name}", f"--{name.replace('_', '-')}")
        place = next((i for i, word in enumerate(words) if word in flags), len(words))
        texts[place + 1 : place + 2] = [f"{{{name}}}"]
        if place == len(words):
            texts[place:] = [flags[0], f"{{{name}}}"]
            words = [*words, flags[0], ""]
    return " ".join(texts)


def _functions(path: Path) -> list[str]:
    """Returns a file's functions that could be an objective: public ones that take something."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, OSError):
        return []
    found = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.args.args and node.name[0] != "_"
    ]
    return sorted(found, key=lambda name: name != "objective")[:_MOST]
