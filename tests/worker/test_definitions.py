import textwrap

import pytest

from sweeper.worker.definitions import read_definitions


def read(source):
    return read_definitions(textwrap.dedent(source), "train.py")


@pytest.mark.parametrize(
    ("source", "settled"),
    [
        ("def f(): pass\nclass A: pass\nasync def g(): pass", {"f", "A", "g"}),
        ("x = 1\nimport f\nfrom a import b as g", set()),
        ("def f(): pass\ndef f(): pass", set()),
        ("def f(): pass\nf = g(f)", set()),
        ("def f(): pass\nif x:\n    f = 1", set()),
        ("def f(): pass\nfor f in x: pass", set()),
        ("def f(): pass\nwith x as f: pass", set()),
        ("def f(): pass\ntry:\n    pass\nexcept E as f: pass", set()),
        ("def f(): pass\nmatch x:\n    case [f, *_]: pass", set()),
        ("def f(): pass\nmatch x:\n    case {**f}: pass", set()),
        ("def f(): pass\n(f := 1)", set()),
        ("def f(): pass\ndel f", set()),
        ("def f(): pass\nimport f.g", set()),
        ("if x:\n    def f(): pass", set()),
        ("def f(): pass\ndef g():\n    f = 1", {"f", "g"}),
        ("def f(): pass\ndef g():\n    global f\n    f = 1", {"g"}),
        ("def f(): pass\nclass A:\n    def g(self):\n        global f\n        f = 1", {"A"}),
        ("def f(): pass\nf.calls = 0", set()),
        ("class A: pass\ndef g():\n    A.size += 1", {"g"}),
        ("class A: pass\ndel A.size", set()),
        ("class A: pass\nsetattr(A, 'size', 1)", set()),
        ("class A:\n    def f(self):\n        self.size = 1", {"A"}),
        ("class A:\n    def f(self):\n        type(self).size = 1", set()),
        ("class A:\n    def f(self):\n        self.__class__.size = 1", set()),
        ("class A:\n    @classmethod\n    def f(cls):\n        cls.size = 1", set()),
    ],
)
def test_what_an_import_is_sure_to_define(source, settled):
    assert read(source).settled == settled


def test_decorated_ones_are_named():
    found = read("@cache\ndef f(): pass\n@dataclass\nclass A: pass\ndef g(): pass")
    assert found.decorated == {"f", "A"}


def test_only_what_is_below_the_guard_is_guarded():
    source = """\
        x = 1
        if __name__ == "__main__":
            y = 2
            z = 3
        if '__main__' == __name__:
            pass
        if x:
            pass
    """
    found = read(source)
    assert [line for line in range(1, 9) if found.is_guarded(line)] == [2, 3, 4, 5, 6]


def test_codes_are_those_of_functions_that_the_source_makes():
    source = (
        "def f(x):\n    return [x + 1 for _ in y]\nclass A:\n    def g(self): return lambda: 2\n"
    )
    made: dict = {}
    edited: dict = {}
    exec(compile(source, "elsewhere.py", "exec"), made)
    exec(compile(source.replace("1", "3").replace("2", "4"), "train.py", "exec"), edited)
    found = read(source)
    assert found.has(made["f"].__code__)
    assert found.has(made["A"].g.__code__)
    assert found.has(made["A"]().g().__code__)
    assert not found.has(edited["f"].__code__)
    assert not found.has(edited["A"]().g().__code__)


def test_what_is_no_python_is_told():
    with pytest.raises(SyntaxError):
        read("def f(:")
