"""``manage.py qcluster`` on machines whose clocks are moved, the database's like the cluster's.

libfaketime moves the clock of a process; a database server that runs already keeps its own. The
rest is the command as it is.
"""

import select
import sys
import time
from pathlib import Path

from django.core.management import execute_from_command_line
from django.utils import timezone

# Where Debian, Fedora, Alpine and Homebrew put it.
_PLACES = (
    "/usr/lib/*/faketime/libfaketime.so.1",
    "/usr/lib*/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
)


def find_libfaketime() -> Path | None:
    """The library that moves the clock of a process; None where it is not installed."""
    return next((path for place in _PLACES for path in Path("/").glob(place[1:])), None)


def clock_moved_by(file: Path, library: Path) -> dict[str, str]:
    """What a process needs whose clock is moved by the seconds in ``file``, read ever again.

    Its monotonic clock is left alone, as it is where somebody sets the clock of a machine.
    """
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


def main() -> None:
    """Run the command; its processes are forks of this one."""
    # Python sleeps until a monotonic time, which libfaketime refuses where it moves only the other
    # clock. Before django-q2 takes it.
    time.sleep = _sleep
    import django

    django.setup()
    from capital.models.queries import clock

    clock.database_now = timezone.now
    execute_from_command_line(["manage.py", "qcluster", *sys.argv[1:]])


if __name__ == "__main__":
    main()
