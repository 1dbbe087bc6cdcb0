"""Which processes something has started, children of children included."""

from pathlib import Path


def with_mark(mark: str) -> list[int]:
    """The living processes that have a text in their environment, which is inherited, or in their
    command line.
    """
    found = []
    for folder in Path("/proc").iterdir():
        try:
            text = b"".join((folder / name).read_bytes() for name in ("environ", "cmdline"))
            alive = b") Z " not in (folder / "stat").read_bytes()
            if alive and mark.encode() in text:
                found.append(int(folder.name))
        except (OSError, ValueError):
            continue
    return found
