"""``manage.py qcluster`` for a stage, where the jobs are postponed until a test asks for one.

A schedule that waits a day longer than it should is brought back by the scheduler, for a clock that
was set back: here it is meant. The rest is the command as it is.
"""

import sys

from django.core.management import execute_from_command_line


def main() -> None:
    """Run the command; its processes are forks of this one."""
    import django

    django.setup()
    from capital.management.commands import qcluster

    qcluster.bring_back = lambda: 0  # type: ignore[assignment]
    execute_from_command_line(["manage.py", "qcluster", *sys.argv[1:]])


if __name__ == "__main__":
    main()
