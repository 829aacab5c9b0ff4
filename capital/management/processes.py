"""Processes that end with the one that started them, however that ends."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
# Loaded here: a process that was just forked should do as little as possible.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent(signum: int = signal.SIGKILL) -> None:
    """Ask Linux to send ``signum`` to this process when its parent is gone. Elsewhere nothing.

    A parent that is killed cannot tell its children, and they would work on, unguarded.
    """
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signum)


def end_children_with_this_process() -> None:
    """Every process that this one forks from now on, and those that they fork, end with theirs."""
    parent = 0

    def remember_parent() -> None:
        nonlocal parent
        parent = os.getpid()

    def end_if_orphaned() -> None:
        end_with_parent()
        if os.getppid() != parent:
            os._exit(1)

    os.register_at_fork(before=remember_parent, after_in_child=end_if_orphaned)
