"""Reads a YAML file of options; refuses what can't be meant, however large or deep it is."""

import re
from pathlib import Path
from typing import Any

import yaml

from sweeper.space.words import is_nearly_a_number, is_number, unclosed

MOST_BYTES = 1_000_000
_WORD = re.compile(r"[^\W\d][\w.:/@+-]*")
_MAX_DEPTH = 60  # levels of nested lists and dicts; a configuration has 20 at most


def read_yaml(path: Path, faults: list[str]) -> Any:
    """Returns the plain values in a YAML file; `read_config_space` must still read its space.

    Words and numbers are those of YAML 1.2: `no` is text, `010` as well, `1e3` a number. In the
    space a text in quotes keeps quotes, as in Python (`"no"` becomes `'no'` with the quotes), so
    that it stays text, unless it is a distribution, a list or the like.

    Args:
        path: the file's path.
        faults: gets a sentence for each value of the space that is missing, split at commas, or a
            number in quotes; if there are any, the space is left out.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not YAML, too large, nested too deeply, names something twice, or repeats
            lists and dicts by reference, since a few lines could expand to billions.
    """
    if path.exists() and not path.is_file():
        raise ValueError(f"{path}: is not a file. Give a YAML file of options.")
    if not path.exists():
        raise FileNotFoundError(
            f"{path}: no such file. Give a YAML file of options, or module:function."
        )
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"{path}: has more than {MOST_BYTES:,} bytes, too many for options.")
    try:
        loader = _Loader(content)
        node = loader.get_single_node()
        if isinstance(node, yaml.MappingNode):
            for pair in list(node.value):
                if getattr(pair[0], "value", None) == "space":
                    _mark_quotes(pair[1], "space", faults)
                    node.value = [one for one in node.value if one is not pair or not faults]
        return None if node is None else loader.construct_document(node)
    except (yaml.composer.ComposerError, yaml.constructor.ConstructorError) as error:
        raise ValueError(f"{path}: holds what a file of options may not: {error}") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: of characters that are none
        raise ValueError(f"{path}: is not YAML: {error}") from error
    except Exception as error:  # of `!!int ''` and the like yaml raises nearly anything
        raise ValueError(f"{path}: is not YAML: {type(error).__name__}: {error}") from error


class _Loader(yaml.SafeLoader):
    """Loads YAML's plain values, each name once; words and numbers as in YAML 1.2."""

    _depth = 0
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012, as SafeLoader has them

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        mark: Any = event.start_mark
        if isinstance(event, yaml.AliasEvent) and not isinstance(
            self.anchors.get(event.anchor), yaml.ScalarNode
        ):
            why = f"*{event.anchor} repeats a list or dict. Write it out."
            raise yaml.composer.ComposerError(None, None, why, mark)
        if self._depth == _MAX_DEPTH:
            why = "is nested too deeply. Write it out flat."
            raise yaml.composer.ComposerError(None, None, why, mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key, _ in getattr(node, "value", ()):
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    why = f"{key.value!r} is given twice. Leave one out."
                    raise yaml.constructor.ConstructorError(None, None, why, key.start_mark)
                seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)


for _kind, _pattern, _first in (
    ("bool", "true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9_]*)", "-+0123456789"),
    ("float", r"[-+]?(?:(?:0|[1-9][0-9_]*)?\.[0-9_]+|(?:0|[1-9][0-9_]*)\.?)(?:[eE][-+]?[0-9]+)?"
              r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+0123456789."),
    ("null", "~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", "<<", "<"),
):  # fmt: skip
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(f"^(?:{_pattern})$"), list(_first)
    )


def _mark_quotes(node: Any, where: str, faults: list[str]) -> None:
    """Turns texts in quotes into Python's, in a node and all in it; appends what is wrong."""
    if isinstance(node, yaml.ScalarNode):
        _mark_scalar(node, where, faults)
    elif split := _split_at_commas(node):
        faults.append(
            f"line {node.start_mark.line + 1}: {where}: YAML splits at commas inside of {{ }} and "
            f'[ ]. Put quotes around it: "{split}".'
        )
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            _mark_quotes(value, f"{where}.{getattr(key, 'value', '…')}", faults)
    else:
        for i, value in enumerate(node.value):
            _mark_quotes(value, f"{where}[{i}]", faults)


def _mark_scalar(node: Any, where: str, faults: list[str]) -> None:
    text, line = node.value, node.start_mark.line + 1
    if node.style is None and not text:
        faults.append(f"line {line}: {where}: has no value. Write one, or null for None.")
    if node.style not in ("'", '"') or not node.tag.endswith(":str"):
        return
    if is_number(text.strip()):
        faults.append(
            f"line {line}: {where}: has a number in quotes. Write {text.strip()} for the number, "
            f"\"'{text}'\" for text."
        )
    elif _WORD.fullmatch(text) or is_nearly_a_number(text):
        node.value = repr(text)


def _split_at_commas(node: Any) -> str | None:
    """Returns a text such as `uniform(0, 1)` that YAML has split at commas; None if none."""
    pieces: list[Any] = []
    if node.flow_style and isinstance(node, yaml.SequenceNode):
        pieces = node.value
    elif node.flow_style:  # {lr: uniform(0, 1)} is {lr: uniform(0, 1): null}
        pieces = [part for key, value in node.value for part in (value if value.value else key,)]
    texts = [piece.value if _is_plain(piece) else "" for piece in pieces]
    for first, text in enumerate(texts):
        if unclosed(text) > 0:
            last = first + 1
            while last < len(texts) and unclosed("".join(texts[first:last])) > 0:
                last += 1
            return ", ".join(texts[first:last])
    return None


def _is_plain(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.style is None
