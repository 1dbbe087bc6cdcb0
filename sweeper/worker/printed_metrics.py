"""Finds metrics by name in what a script prints: points of a learning curve."""

import codecs
import json
import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

Found = tuple[str, float]

_ESCAPES = re.compile(  # colours, window titles, and other sequences that a terminal doesn't show
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-Z\\^-~])"
)
_REDRAWN = re.compile(r"[\r\x08]+")  # these restart a line, as progress bars do
_NUMBER = (
    r"(?>[+-]?(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
    r"|[+-]?(?:nan|inf(?:inity)?))"
)
_END = r"(?![\w/]|[.,:]\d)"  # not 3rd, 3/10, 3.1.2, 12:30 or 0,91
_IS_A_NUMBER = re.compile(rf"\s*({_NUMBER})\s*%?\s*", re.IGNORECASE)
_BETWEEN = (
    r"[\"'`\])]*"
    r"(?:\s*(?::=|->|=>|[:=|│])\s*|\s+(?:is\s+|of\s+)?)"
    r"[\"'(]?(?:[a-z_][\w.]*\()?"  # tensor(0.91), np.float64(0.91)
)
_PART = r"(?<![\w/.@-])(?:train(?:ing)?|val(?:id(?:ation)?)?|test(?:ing)?|dev|eval(?:uation)?)\s+"
_ANY_NAME = re.compile(rf"((?:{_PART})?[^\W\d][\w/.@-]*){_BETWEEN}{_NUMBER}{_END}", re.IGNORECASE)
_PART_BEFORE = re.compile(rf"({_PART})$", re.IGNORECASE)
_LINES_KEPT, _MOST_NAMES = 20, 8
_LONG, _MOST_OF_A_LINE = 1 << 16, 1 << 20  # characters after which a line without an end is cut
_MOST_KEPT = 500  # characters of a line


def wanted(names: Sequence[str]) -> re.Pattern[str]:
    """Returns a pattern for numbers by these names: `val_acc: 0.91`, `val_acc 0.91`, …

    Only whole names are found, not the beginning or end of another one.
    """
    longest_first = sorted(names, key=len, reverse=True)
    name = "|".join(r"\s+".join(map(re.escape, name.split())) for name in longest_first)
    return re.compile(
        rf"(?<![\w/.@])(?<!\w-)(?P<name>{name}){_BETWEEN}(?P<number>(?i:{_NUMBER})){_END}",
    )


class PrintedMetrics:
    """Reads what a script prints, chunk by chunk.

    A line counts as it stands when it ends, without what a progress bar has overwritten. The number
    is the one that is printed, also before a percent sign.

    Args:
        metric: each line with a number by this name is one point of the curve, by its first number:
            `val_acc 0.8 best val_acc 0.9` is one epoch, not two.
        also: numbers by these names belong to a point if they were printed in its line, or since
            the line of the point before.
        pattern: finds the metric in its only group, or several metrics in groups with their names
            (with _ for what can't stand in the name of a group).

    Raises:
        ValueError: from `feed`, if `acc` could be the printed `train acc` as well as `val acc`.
    """

    def __init__(
        self, metric: str, also: Sequence[str] = (), pattern: re.Pattern[str] | None = None
    ) -> None:
        self._metric = metric
        self._pattern = pattern
        names = [metric, *also]
        self._group_of = groups(pattern, names) if pattern else {}
        self._names = [name for name in names if name not in self._group_of]
        self._plain = wanted(self._names) if self._names else None
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self._rest = ""
        self._others: dict[str, float] = {}
        self._part_of: dict[str, str] = {}  # by name: the word in front of it, such as `val`
        self.num_points = 0
        self.last_lines: deque[str] = deque(maxlen=_LINES_KEPT)

    def feed(self, chunk: bytes, last: bool = False) -> Iterator[dict[str, float]]:
        """Yields the points of the lines that end in this chunk; `last`: it ends the last line."""
        *lines, rest = (self._rest + self._decode(chunk, last)).split("\n")
        if len(rest) > _LONG:
            rest = _as_shown(rest)[-_MOST_OF_A_LINE:] + ("\r" if rest[-1] in "\r\b" else "")
        self._rest = "" if last else rest
        for line in [*lines, rest] if last else lines:
            yield from self._points(_as_shown(line))

    def _points(self, line: str) -> Iterator[dict[str, float]]:
        if line.strip():
            self.last_lines.append(line.rstrip()[:_MOST_KEPT])
        found: dict[str, float] = {}
        for name, number in self._found(line):
            found.setdefault(name, number)
        self._others |= found
        if self._metric in found:
            self.num_points += 1
            point, self._others = self._others, {}
            yield {self._metric: point.pop(self._metric), **point}

    def _found(self, line: str) -> Iterator[Found]:
        found = [*self._by_pattern(line), *self._by_name(line)]
        for _, name, number in sorted(found, key=lambda place: place[0]):
            yield name, number

    def _by_pattern(self, line: str) -> Iterator[tuple[int, str, float]]:
        for match in self._pattern.finditer(line) if self._pattern else ():
            for name, group in self._group_of.items():
                number = _IS_A_NUMBER.fullmatch(match[group] or "")
                if number:
                    yield match.start(group), name, _float(number[1])

    def _by_name(self, line: str) -> Iterator[tuple[int, str, float]]:
        if self._plain is None:
            return
        entries = _entries(line)
        if entries is not None:
            for place, name in enumerate(self._names):
                number = _of_json(entries, name)
                if number is not None:
                    yield place, name, number
            return
        for match in self._plain.finditer(line):
            name = " ".join(match["name"].split())
            if self._is_meant(name, line[: match.start()]):
                yield match.start(), name, _float(match["number"])

    def _is_meant(self, name: str, before: str) -> bool:
        """Checks that a number belongs to the same part of the data as the first by its name."""
        found = _PART_BEFORE.search(before)
        part = found[1].strip() if found else ""
        first = self._part_of.setdefault(name, part)
        if first and part.lower() != first.lower():
            others = [f"{of} {name}".strip() for of in (first, part)]
            raise ValueError(
                f"the command prints more than one {name}: {' and '.join(map(repr, others))}. Name "
                "the one you mean in full."
            )
        return part.lower() == first.lower()


def names_in(lines: Sequence[str]) -> list[str]:
    """Returns names that seem to be metrics in these lines, the last ones first."""
    found: dict[str, None] = {}
    for line in reversed(lines):
        entries = _entries(line)
        names = list(entries) if entries is not None else _ANY_NAME.findall(line)
        found |= dict.fromkeys(names)
    return list(found)[:_MOST_NAMES]


def groups(pattern: re.Pattern[str], names: Sequence[str]) -> dict[str, str | int]:
    """Returns which group of a pattern finds which of these names; the first name is the metric.

    Raises:
        ValueError: the pattern has groups for something else, or none.
    """
    if not pattern.groupindex:
        if pattern.groups != 1:
            raise ValueError(
                f"must have one group, the metric's number, or named ones, but has "
                f"{pattern.groups}. Write (?:…) for groups that find no number."
            )
        return {names[0]: 1}
    by_group = {re.sub(r"\W", "_", name): name for name in names}
    unknown = [group for group in pattern.groupindex if group not in by_group]
    if unknown:
        raise ValueError(
            f"has groups {unknown}, which are neither the metric nor in also; those are {names}."
        )
    return {by_group[group]: group for group in pattern.groupindex}


def _as_shown(line: str) -> str:
    """Returns a line as a terminal shows it in the end."""
    drawn = [text for text in _REDRAWN.split(_ESCAPES.sub("", line)) if text.strip()]
    return drawn[-1] if drawn else ""


def _entries(line: str) -> dict[str, Any] | None:
    """Returns the entries of a line of JSON."""
    line = line.strip()
    if line[:1] != "{" or line[-1:] != "}":
        return None
    try:
        entries = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entries if isinstance(entries, dict) else None


def _of_json(entries: dict[str, Any], name: str) -> float | None:
    """Returns a number by its name, or by names with / between them."""
    found: Any = entries.get(name)
    if found is None:
        found = entries
        for key in name.split("/"):
            found = found.get(key) if isinstance(found, dict) else None
    if isinstance(found, str):
        number = _IS_A_NUMBER.fullmatch(found)
        return _float(number[1]) if number else None
    return float(found) if isinstance(found, int | float) and type(found) is not bool else None


def _float(number: str) -> float:
    return float(number.replace(",", ""))
