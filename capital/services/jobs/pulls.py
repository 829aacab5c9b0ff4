"""When this machine's cluster last looked for tasks, as all of its processes know it.

By the clock that is never set: a heartbeat in the database looks old where the clock was set
forward. Processes that a cluster forks share the values.
"""

import time
from datetime import timedelta
from multiprocessing.sharedctypes import RawValue

# Which cluster, and when, in nanoseconds. No lock needed: one process writes them.
_guard_pid = RawValue("q", 0)
_looked_at = RawValue("q", 0)


def note_pull(*, pid: int) -> None:
    """The cluster of this guard process looks for tasks now."""
    _guard_pid.value, _looked_at.value = pid, time.monotonic_ns()


def has_pulled(*, pid: int, within: timedelta) -> bool:
    """Whether the cluster of this guard process did so a short time ago."""
    age = timedelta(microseconds=(time.monotonic_ns() - _looked_at.value) // 1000)
    return _guard_pid.value == pid and age < within
