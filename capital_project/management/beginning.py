"""``manage.py init``: from a clone to a site of one's own. It runs before there are settings.

It writes ``.env``, checks the database, migrates, makes the first user, and says what to start.
What stands in ``.env`` already is kept: another key would make stored credentials unreadable.
"""

import argparse
import getpass
import os
import re
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cryptography.fernet import Fernet
from django.utils.translation import gettext as _

_ROOT = Path(__file__).resolve().parents[2]
_LOCAL = ("localhost", "127.0.0.1")
_FROM_ENVIRONMENT = "DJANGO_SUPERUSER_PASSWORD"
_BAD_ARGUMENTS = 2
_NAMES = (
    "ALLOWED_HOSTS",
    "CAPITAL_HTTPS",
    "DATABASE_URL",
    "FIELD_ENCRYPTION_KEYS",
    "LANGUAGE_CODE",
    "SECRET_KEY",
    "TIME_ZONE",
)

Ask = Callable[[str, str], str]


def begin(
    arguments: Sequence[str],
    *,
    root: Path = _ROOT,
    ask: Ask | None = None,
    ask_secret: Callable[[str], str] = getpass.getpass,
) -> int:
    """Set a desk up; the exit status: 0 done, 1 a step failed, 2 invalid arguments.

    Args:
        arguments: Of the command line, without ``init``.
        root: Where ``manage.py`` is.
        ask: Asks for a value, with the one that is taken if nothing is typed.
        ask_secret: Asks for a password.
    """
    _speak(os.environ.get("LANGUAGE_CODE", ""))
    options = _parser().parse_args(arguments)
    is_asked = not options.no_input and (ask is not None or sys.stdin.isatty())
    try:
        chosen = _chosen(options, root, (ask or _ask) if is_asked else _take)
    except ValueError as error:
        _complain(str(error))
        return _BAD_ARGUMENTS
    added = _write(root / ".env", chosen)
    _say(_told_of_file(root / ".env", added))
    if not _migrated(root):
        return 1
    if not _has_user(root, options, ask_secret if is_asked else None):
        return 1
    _say(_what_next(chosen))
    return 0


def _speak(language: str) -> None:
    """Sentences in the reader's language, though nothing else is set up."""
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(
            LANGUAGE_CODE=language if language in ("en", "ko") else "en",
            LOCALE_PATHS=[_ROOT / "locale"],
            USE_I18N=True,
        )
        django.setup()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="manage.py init",
        description=_(
            "Set up a site of your own: write .env with new keys, migrate the database, and make "
            "the first user. What .env holds already is kept."
        ),
    )
    parser.add_argument(
        "--host",
        action="append",
        metavar="NAME",
        help=_("a name under which the site is opened (may be given several times)"),
    )
    parser.add_argument("--database-url", metavar="URL", help=_("postgres://… or sqlite:///…"))
    parser.add_argument(
        "--plain-http",
        action="store_true",
        help=_("the site is opened by http://, on this machine or a trusted network"),
    )
    parser.add_argument("--time-zone", metavar="ZONE", help=_("of the site, such as Asia/Seoul"))
    parser.add_argument("--language", choices=("en", "ko"), help=_("of commands and first pages"))
    parser.add_argument("--username", help=_("of the first user"))
    parser.add_argument(
        "--no-input",
        action="store_true",
        help=_("ask nothing; the first user's password is taken from %(name)s")
        % {"name": _FROM_ENVIRONMENT},
    )
    return parser


def _ask(question: str, usual: str) -> str:
    return input(f"{question} [{usual}]: ").strip() or usual


def _take(_question: str, usual: str) -> str:
    return usual


def _say(text: str) -> None:
    # At once: what other commands say comes in between.
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _complain(text: str) -> None:
    sys.stderr.write(text + "\n")


def _read(file: Path) -> dict[str, str]:
    """The variables that a ``.env`` file sets."""
    if not file.is_file():
        return {}
    lines = file.read_text(encoding="utf-8").splitlines()
    pairs = (re.match(r"(?:export\s+)?([A-Z][A-Z0-9_]*)=(.*)", line.strip()) for line in lines)
    return {pair[1]: pair[2].strip("\"'") for pair in pairs if pair}


def _known(root: Path) -> dict[str, str]:
    """What is set already: in the environment, or in ``.env``."""
    set_outside = {name: os.environ[name] for name in _NAMES if os.environ.get(name, "").strip()}
    return _read(root / ".env") | set_outside


def _chosen(options: argparse.Namespace, root: Path, ask: Ask) -> dict[str, str]:
    """Every variable that is to be set, those that are already among them.

    Raises:
        ValueError: A value cannot be used, or another one is set already; says why.
    """
    chosen = _known(root)

    def settle(name: str, given: str | None, question: str, usual: str) -> None:
        if given and chosen.get(name, given) != given:
            raise ValueError(
                _("%(name)s is set already, to another value. Change it there.") % {"name": name}
            )
        if name not in chosen:
            chosen[name] = given or ask(question, usual)

    hosts = ",".join(options.host or ())
    machine = socket.gethostname()
    settle(
        "ALLOWED_HOSTS",
        hosts,
        _("Under which names is the site opened? (separated by commas)"),
        ",".join(dict.fromkeys([*_LOCAL, machine])),
    )
    settle(
        "DATABASE_URL",
        options.database_url,
        _("Which database? (postgres://user:password@host:5432/name in production)"),
        f"sqlite:///{root / 'db.sqlite3'}",
    )
    settle("TIME_ZONE", options.time_zone, _("In which time zone does the day end?"), "Asia/Seoul")
    settle("LANGUAGE_CODE", options.language, _("Which language, en or ko?"), "en")
    if "CAPITAL_HTTPS" not in chosen:
        names = {name.strip() for name in chosen["ALLOWED_HOSTS"].split(",")}
        is_local = options.plain_http or names <= {*_LOCAL, machine}
        answer = ask(_("Is it opened by https://, yes or no?"), "no" if is_local else "yes")
        chosen["CAPITAL_HTTPS"] = "0" if answer.strip().lower() in ("n", "no", "0") else "1"
    if not re.fullmatch(r"(sqlite:///|postgres(ql)?://).+", chosen["DATABASE_URL"]):
        raise ValueError(
            _("The database must begin with sqlite:///, postgres:// or postgresql://.")
        )
    if chosen["LANGUAGE_CODE"] not in ("en", "ko"):
        raise ValueError(_("The language must be en or ko."))
    chosen.setdefault("SECRET_KEY", secrets.token_urlsafe(50))
    chosen.setdefault("FIELD_ENCRYPTION_KEYS", Fernet.generate_key().decode())
    return chosen


def _write(file: Path, chosen: Mapping[str, str]) -> list[str]:
    """Add to ``.env`` what it lacks, readable by its owner only. The names that were added."""
    known = _known(file.parent)
    added = [name for name in sorted(chosen) if name not in known]
    if not added:
        return []
    before = file.read_text(encoding="utf-8") if file.is_file() else ""
    if before and not before.endswith("\n"):
        before += "\n"
    lines = "".join(f"{name}={chosen[name]}\n" for name in added)
    partial = file.with_name(".env.partial")
    partial.touch(mode=0o600)
    partial.write_text(before + lines, encoding="utf-8")
    partial.chmod(0o600)
    partial.replace(file)
    return added


def _told_of_file(file: Path, added: Sequence[str]) -> str:
    if not added:
        return _("%(file)s has everything already.") % {"file": file.name}
    told = _("Wrote %(names)s to %(file)s.") % {"names": ", ".join(added), "file": file.name}
    if "FIELD_ENCRYPTION_KEYS" in added:
        told += " " + _(
            "Keep a copy of FIELD_ENCRYPTION_KEYS in a safe place: without it, stored API keys "
            "cannot be read, not even from a backup."
        )
    return told


def _manage(root: Path, *arguments: str, **environment: str) -> int:
    done = subprocess.run(  # noqa: S603  # our own commands
        [sys.executable, str(root / "manage.py"), *arguments],
        cwd=root,
        env={**os.environ, **environment},
        check=False,
    )
    return done.returncode


def _migrated(root: Path) -> bool:
    """Whether the database answered and is migrated; what is wrong is said by the command."""
    if _manage(root, "migrate", "--verbosity", "0") == 0:
        _say(_("The database is ready."))
        return True
    _complain(_("Correct it in .env, then run this command again."))
    return False


def _has_user(
    root: Path, options: argparse.Namespace, ask_secret: Callable[[str], str] | None
) -> bool:
    """Make the first user, unless there is one; False where that failed."""
    if _manage(root, "first_user", "--exists") == 0:
        _say(_("There is a user already."))
        return True
    username = options.username or "admin"
    password = os.environ.get(_FROM_ENVIRONMENT, "")
    if not password and ask_secret is not None:
        password = ask_secret(_("A password for the first user, %(name)s: ") % {"name": username})
    if not password:
        _say(
            _("There is no user yet. Make one with `python manage.py createsuperuser`."),
        )
        return True
    return _manage(root, "first_user", username, **{_FROM_ENVIRONMENT: password}) == 0


def _what_next(chosen: Mapping[str, str]) -> str:
    scheme = "https" if chosen["CAPITAL_HTTPS"] == "1" else "http"
    host = chosen["ALLOWED_HOSTS"].split(",")[0].strip()
    return "\n".join(
        (
            _("Start it, and open %(url)s:")
            % {"url": f"{scheme}://{host}{'' if scheme == 'https' else ':8000'}/admin/"},
            "  python manage.py run_with_worker 127.0.0.1:8000",
            _("For several people, see docs/operations.md: a web server, and"),
            "  python manage.py qcluster",
            _("If something does not work, ask: python manage.py doctor"),
        )
    )
