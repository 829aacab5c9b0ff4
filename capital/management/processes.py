"""Child processes that end with their parent, even if it is killed."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
# Loaded here because a process should do as little as possible right after a fork.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent(signum: int = signal.SIGKILL) -> None:
    """Ask Linux to send ``signum`` to this process when its parent ends. Elsewhere do nothing.

    A parent that is killed cannot stop its children. They would run on without a guard.
    """
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signum)


def end_children_with_this_process() -> None:
    """Make every process that is forked from now on, here or in a child, end with its parent."""
    parent = 0

    def remember_parent() -> None:
        nonlocal parent
        parent = os.getpid()

    def end_if_orphaned() -> None:
        end_with_parent()
        if os.getppid() != parent:
            os._exit(1)

    os.register_at_fork(before=remember_parent, after_in_child=end_if_orphaned)
