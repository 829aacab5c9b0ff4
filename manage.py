#!/usr/bin/env python
"""Django's command line for this project."""

import gc
import os
import select
import sys

# What shells say of a program that these signals ended.
INTERRUPTED, PIPE_CLOSED = 130, 141


def main() -> None:
    """Run the command. Whoever stops it, or reads no more of it, needs no traceback."""
    try:
        try:
            run()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        if not is_closed(sys.stdout.fileno()):
            raise
        # What is left would be written at the end, and fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(PIPE_CLOSED)


def is_closed(pipe: int) -> bool:
    """Whether nobody reads this pipe any more, as behind ``head``."""
    poll = select.poll()
    poll.register(pipe, select.POLLOUT)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def run() -> None:
    # Nothing that is loaded is garbage: looking for it took a tenth of each command's start.
    gc.disable()
    if sys.argv[1:2] == ["init"]:
        # Before there are settings: it writes them.
        from capital_project.management.beginning import begin

        sys.exit(begin(sys.argv[2:]))
    if sys.argv[1:] in (["--version"], ["version"]):
        from capital_project import __version__

        sys.stdout.write(f"Capital {__version__}\n")
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "capital_project.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import DatabaseError, InterfaceError

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # The sentence says which variable; a traceback would bury it.
        sys.exit(f"{type(error).__name__}: {error}")
    except (DatabaseError, InterfaceError) as error:
        from capital.services.database_errors import meaning_of

        meaning = meaning_of(error)
        if meaning is None or "--traceback" in sys.argv:
            raise
        sys.exit(meaning)


if __name__ == "__main__":
    main()
