"""A YAML file of options: what in it can't be meant is refused, however large or deep it is."""

from pathlib import Path
from typing import Any

import yaml

MOST_BYTES = 1_000_000
_MAX_DEPTH = 60  # of lists and dicts in one another; a configuration has 20 at most


def read_yaml(path: Path) -> Any:
    """The plain values in a YAML file.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is no YAML, too large, nested too deeply, names something twice, or repeats
            lists and dicts by reference, which a few lines can make billions of.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file. Give a YAML file of options, or module:function."
        )
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"{path}: has more than {MOST_BYTES:,} bytes, too many for options.")
    try:
        return yaml.load(content, _Loader)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: such as a date with a 13th month
        raise ValueError(f"{path}: is no YAML: {error}") from error


class _Loader(yaml.SafeLoader):
    """YAML's plain values, each name once."""

    _depth = 0

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
                    why = f"{key.value!r} is there twice. Leave one out."
                    raise yaml.constructor.ConstructorError(None, None, why, key.start_mark)
                seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)
