"""What an error of the database means, in a sentence that says what to do."""

from django.db import DatabaseError, InterfaceError
from django.utils.translation import gettext, gettext_lazy

# By what the driver says, in lower case; the first that is in it counts. The driver's own text is
# never shown: it may quote a row, or the address with its password.
_MEANINGS: tuple[tuple[tuple[str, ...], object], ...] = (
    (
        ("no such table", "no such column", "undefinedtable", "undefinedcolumn"),
        gettext_lazy(
            "The database does not fit this version: migrations are missing. Run "
            "`python manage.py migrate`."
        ),
    ),
    (
        ("database is locked", "database table is locked", "locknotavailable", "lock timeout"),
        gettext_lazy(
            "The database is locked by another process. Try again; with SQLite, only one process "
            "can write at a time."
        ),
    ),
    (
        ("disk is full", "no space left", "diskfull"),
        gettext_lazy("The disk of the database is full. Free some space, then try again."),
    ),
    (
        ("unable to open database file",),
        gettext_lazy(
            "The SQLite file cannot be opened. Check that the folder in DATABASE_URL exists and "
            "may be written."
        ),
    ),
    (
        ("readonly database", "read-only transaction", "readonlysqltransaction"),
        gettext_lazy(
            "The database may be read only. Check the rights on the SQLite file and its folder, or "
            "that DATABASE_URL names the primary server."
        ),
    ),
    (
        ("malformed", "not a database"),
        gettext_lazy("The SQLite file is damaged, or is no database. Restore a backup."),
    ),
    (
        ("authentication failed", "no password supplied", "invalidpassword", "pg_hba.conf"),
        gettext_lazy("The database refused the user or the password. Check those in DATABASE_URL."),
    ),
    (
        ("role ",),
        gettext_lazy("The database has no such user. Check the one in DATABASE_URL."),
    ),
    (
        ("permission denied", "insufficientprivilege"),
        gettext_lazy(
            "The user of the database lacks a right. Give it all rights on its database and schema."
        ),
    ),
    (
        ("database ", "invalidcatalogname"),
        gettext_lazy(
            "There is no database of this name on the server. Create it, or check the name in "
            "DATABASE_URL."
        ),
    ),
    (
        ("too many", "remaining connection slots", "toomanyconnections"),
        gettext_lazy(
            "The database takes no more connections. Stop processes that are not needed, or raise "
            "its limit."
        ),
    ),
    (
        (
            "connection refused",
            "could not translate",
            "name or service not known",
            "failed to resolve",
            "no route to host",
            "network is unreachable",
            "timeout",
            "timed out",
            "could not connect",
            "connection failed",
            "no such file or directory",
            "server closed the connection",
            "starting up",
            "shutting down",
            "the connection is lost",
            "connection is closed",
            "connection already closed",
        ),
        gettext_lazy(
            "The database server cannot be reached. Check that it is running, and the host and "
            "port in DATABASE_URL."
        ),
    ),
)
# What is missing is named only where the driver says that it does not exist.
_NAMES = (("role ",), ("database ", "invalidcatalogname"))


def meaning_of(error: DatabaseError | InterfaceError) -> str | None:
    """What happened and what to do, in the reader's language; None where it is not known."""
    cause = error.__cause__ or error
    said = f"{type(cause).__name__} {cause}".lower()
    is_missing = " does not exist" in said
    for words, meaning in _MEANINGS:
        if (words not in _NAMES or is_missing) and any(word in said for word in words):
            return str(meaning)
    return None


def told(error: DatabaseError | InterfaceError) -> str:
    """The same; of an error that is not known its kind."""
    return meaning_of(error) or gettext("The database reported an error (%(kind)s).") % {
        "kind": type(error.__cause__ or error).__name__
    }
