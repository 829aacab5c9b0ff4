"""What every benchmark stands on: Django, a database of its own, and a table of ratios.

Importing it puts the project on the path; nothing of Django is imported before
``set_up_django``.
"""

import io
import logging
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from django.db.models import Model

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

DEFAULT_URL = "postgres://postgres@127.0.0.1:5432/postgres"
_CANNOT_RUN = 2
# Names a migrated database, from which scratch databases are copied instead of being migrated.
TEMPLATE = "CAPITAL_BENCHMARK_TEMPLATE"

Answer = TypeVar("Answer")


class _Nowhere(io.TextIOBase):
    def write(self, text: str, /) -> int:
        return len(text)


def set_up_django(database_url: str | None = None) -> None:
    """Set Django up with throw-away secrets, as a production process would run.

    Args:
        database_url: Of the database to work on; None leaves what the environment says.
    """
    os.environ.setdefault("DEBUG", "1")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "capital_project.settings")
    if database_url is not None:
        os.environ["DATABASE_URL"] = database_url
    import django
    from django.conf import settings

    django.setup()
    # DEBUG was for the secrets. It keeps every statement in memory, which is not to be measured.
    settings.DEBUG = False
    # Log lines are made, as in production, and go nowhere.
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(_Nowhere())


@contextmanager
def scratch_database() -> Iterator[str]:
    """A migrated PostgreSQL database that exists while the block runs, with Django set up on it.

    Gives its name.

    ``DATABASE_URL`` names the server; the database that it names is connected to and is not
    touched. Ends the process with exit code 2 where there is no PostgreSQL.
    """
    import psycopg
    from psycopg import sql

    # A terminated benchmark cleans up like an interrupted one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    url = os.environ.get("DATABASE_URL") or DEFAULT_URL
    parts = urlsplit(url)
    where = f"{parts.hostname or 'local socket'}:{parts.port or 5432}"
    if parts.scheme not in ("postgres", "postgresql", "psql", "pgsql"):
        stop(
            f"This benchmark needs PostgreSQL, and DATABASE_URL names {parts.scheme or 'nothing'}. "
            f"Set it to something like {DEFAULT_URL}."
        )
    try:
        server = psycopg.connect(
            url.replace(parts.scheme, "postgresql", 1), autocommit=True, connect_timeout=5
        )
    except psycopg.OperationalError as error:
        stop(
            f"This benchmark needs PostgreSQL, and none answers at {where} "
            f"({type(error).__name__}). Start one, or set DATABASE_URL."
        )
    name, template = f"capital_benchmark_{os.getpid()}", os.environ.get(TEMPLATE, "")
    copied = sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
    with server:
        try:
            server.execute(sql.SQL("CREATE DATABASE {}{}").format(sql.Identifier(name), copied))
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.DuplicateDatabase) as error:
            stop(f"Cannot create the database {name} at {where}: {type(error).__name__}.")
        try:
            query = f"?{parts.query}" if parts.query else ""
            set_up_django(f"postgres://{parts.netloc}/{name}{query}")
            from django.core.management import call_command
            from django.db import connection

            if not template:
                call_command("migrate", verbosity=0)
            yield name
            connection.close()
        finally:
            # FORCE, because an interrupted benchmark may still be connected.
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def copy_instances(model: "type[Model]", instances: Iterable[Any]) -> None:
    """Insert unsaved instances by COPY; their primary keys are given by the database."""
    from django.db import connection

    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    with (
        connection.cursor() as cursor,
        cursor.copy(f'COPY "{model._meta.db_table}" ({columns}) FROM STDIN') as copy,
    ):
        for instance in instances:
            copy.write_row(
                [
                    field.get_db_prep_save(field.pre_save(instance, True), connection)  # noqa: FBT003
                    for field in fields
                ]
            )


def timed(work: Callable[[], Answer]) -> tuple[float, Answer]:
    """How many seconds ``work`` took, and what it answered."""
    start = time.perf_counter()
    answer = work()
    return time.perf_counter() - start, answer


# Seconds by the clock, and of CPU.
Spent = tuple[float, float | None]


def measured(work: Callable[[], object]) -> Spent:
    """What ``work`` took."""
    before = cpu_seconds()
    seconds, _ = timed(work)
    after = cpu_seconds()
    return seconds, None if before is None or after is None else after - before


def cpu_seconds() -> float | None:
    """What this process and the server's process for it have used; None where nobody knows."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), inet_server_addr() = inet_client_addr()")
        pid, is_local = cursor.fetchone()
    stat = Path(f"/proc/{pid}/stat")
    if is_local is False or not stat.exists():
        return None
    name, _, rest = stat.read_text().rpartition(") ")
    if "postgres" not in name:
        return None
    user, system = rest.split()[11:13]
    return time.process_time() + (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def best_of(repeats: int, work: Callable[[], Answer]) -> tuple[float, Answer]:
    """The shortest time of ``repeats``, with its answer."""
    return min((timed(work) for _ in range(repeats)), key=lambda pair: pair[0])


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; the first column is text, the others are figures."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold")
    for position, column in enumerate(columns):
        table.add_column(column, justify="right" if position else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    # As wide as the table: a file has no width, and a folded table cannot be read.
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def machine() -> str:
    """What the figures were made on."""
    return f"{os.cpu_count()} cores, Python {platform.python_version()}"


def stop(message: str) -> NoReturn:
    """End the process: the benchmark cannot run here."""
    print(message, file=sys.stderr)
    sys.exit(_CANNOT_RUN)
