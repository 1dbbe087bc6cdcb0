"""Settings that may differ each time a sweep is run: where, how fast, how long, what is kept."""

from dataclasses import dataclass
from pathlib import Path

from sweeper.faults import bool_fault, int_fault, path_fault
from sweeper.record.sweep_folder import name_faults
from sweeper.sweep.limits import Limits

KEEP = ("best", "all", "none")  # which folders of trials
INLINE = "inline"  # the address of this process, without Ray


@dataclass(frozen=True)
class Execution:
    """The way a sweep is run this time; each field is an argument of `sweeper.run`."""

    num_workers: int | None = None
    limits: Limits = Limits()
    name: str | None = None
    folder: str | Path = "runs"
    resume: bool = False
    retry_failed: bool = False
    keep_checkpoints: bool = False
    keep: str = "best"
    address: str | None = None
    debug: bool = False
    progress: bool = True

    def faults(self) -> list[str]:
        """Lists the faults of these settings, one sentence each; empty if there are none."""
        faults = name_faults(self.name, self.resume)
        switches = ("resume", "retry_failed", "keep_checkpoints", "debug", "progress")
        wrong_types = [bool_fault(name, getattr(self, name)) for name in switches]
        wrong_types.append(path_fault("folder", self.folder))
        if not isinstance(self.address, str | None):
            wrong_types.append(
                "address must be a string such as 'auto' or None, but got "
                f"{self.address!r} ({type(self.address).__name__})."
            )
        faults += [fault for fault in wrong_types if fault]
        if self.num_workers is not None and (
            wrong := int_fault("num_workers", self.num_workers, 1)
        ):
            faults.append(f"{wrong} None means all that fit.")
        if not isinstance(self.limits, Limits):
            faults.append(
                "limits must be sweeper.Limits(…), but got "
                f"{self.limits!r} ({type(self.limits).__name__})."
            )
        if self.keep not in KEEP:
            faults.append(
                f"keep must be {', '.join(map(repr, KEEP[:-1]))} or {KEEP[-1]!r}, but got "
                f"{self.keep!r} ({type(self.keep).__name__})."
            )
        if self.address == INLINE and self.num_workers not in (None, 1):
            faults.append(
                f"num_workers={self.num_workers} with address='inline': one trial runs after "
                "another in this process. Leave one of them out."
            )
        if self.retry_failed is True and self.resume is False:
            faults.append(
                "retry_failed=True runs the failed trials of a recorded sweep again, "
                "which needs resume=True. Add it and the sweep's name, or leave retry_failed out."
            )
        if self.debug is True and self.address != INLINE:
            faults.append(
                "debug=True lets exceptions of the objective through, which needs "
                "address='inline'. Add it, or leave debug out."
            )
        return faults
