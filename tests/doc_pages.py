"""The README and the pages of docs/ as a reader copies from them: blocks of code, commands."""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
}
_FENCE = re.compile(r"^( *)```(\S*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """What stands between two fences: its language, and where it begins, as `docs/x.md:7`."""

    place: str
    language: str
    text: str

    @property
    def file_name(self) -> str | None:
        """The file that the text is to be put into, if its first line says so: `# mine.py`."""
        named = re.match(r"# (\S+\.(?:py|yaml))\n", self.text)
        return named[1] if named else None

    @property
    def commands(self) -> list[str]:
        """What is typed at the prompts, each on one line, without comments; output is left out."""
        on_one_line = self.text.replace("\\\n", " ")
        typed = re.findall(r"^\$ (.*)$", on_one_line, re.MULTILINE)
        return [" ".join(re.sub(r"\s# .*", "", line).split()) for line in typed]


def blocks(page: str) -> list[Block]:
    """All of a page, in order."""
    text = PAGES[page]
    return [
        Block(f"{page}:{text.count(chr(10), 0, found.start()) + 1}", found[2],
              textwrap.dedent(found[3]))
        for found in _FENCE.finditer(text)
    ]  # fmt: skip
