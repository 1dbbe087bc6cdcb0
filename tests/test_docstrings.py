"""Each public name has an example in its docstring, and the examples are right."""

import doctest
import functools
import inspect
import re

import pytest
from doc_pages import blocks
from scipy import stats

import sweeper

pytestmark = pytest.mark.slow

# What the reference says that examples with `results` assume.
(GIVEN,) = (block.text for block in blocks("docs/reference/api.md") if block.language == "python")


def examples(name: str) -> list[doctest.DocTest]:
    """Those in the docstring of a public name and of its own methods."""
    value = getattr(sweeper, name)
    finder = doctest.DocTestFinder(exclude_empty=True, recurse=False)
    known = {"sweeper": sweeper, "stats": stats, "__name__": "__main__"}
    return finder.find(value, name, globs=known, module=inspect.getmodule(value))


@pytest.mark.parametrize("name", sweeper.__all__)
def test_a_public_name_has_an_example_that_is_right(name, tmp_path, monkeypatch, one_thread):
    monkeypatch.chdir(tmp_path)
    (example,) = examples(name)
    assert example.examples
    monkeypatch.setattr(sweeper, "run", functools.partial(sweeper.run, progress=False))
    if re.search(r"\bresults\b|runs/first", "".join(part.source for part in example.examples)):
        exec(GIVEN, example.globs)
    printed: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example, out=printed.append)
    assert not printed, "".join(printed)
