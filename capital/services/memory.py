"""Python's search for unused cycles, left out while rows are made by the thousand."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Let Python look for no unused cycles in this block, or function.

    Where thousands of objects are made, it looks through all that the process ever loaded again and
    again: a tenth of the time. What is no longer used is freed at once all the same, but for what
    refers to itself, which is freed later. So it is for what makes a limited number of objects.
    """
    is_usual = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_usual:
            gc.enable()
