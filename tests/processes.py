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


def processes_under(parent: int) -> dict[int, str]:
    """All descendants of a process and the names of their programs."""
    parents, names = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
                command = (entry / "cmdline").read_bytes().split(b"\0")[0].decode()
            except OSError:
                continue
            pid = int(entry.name)
            parents[pid] = int(stat.rpartition(")")[2].split()[1])
            names[pid] = command.rpartition("/")[2]
    found = {parent}
    while more := {pid for pid, of in parents.items() if of in found} - found:
        found |= more
    return {pid: names[pid] for pid in found - {parent}}
