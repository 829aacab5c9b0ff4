"""Management commands, run as a shell runs them."""

from io import StringIO

from django.core.management import call_command


def run(*arguments: str) -> tuple[int, str]:
    """Exit code and standard output."""
    stdout = StringIO()
    try:
        call_command(*arguments, stdout=stdout)
    except SystemExit as stopped:
        return int(str(stopped.code)), stdout.getvalue()
    return 0, stdout.getvalue()
