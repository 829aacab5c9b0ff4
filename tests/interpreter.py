"""A fresh Python with an environment of the test's own, and the settings as it sees them."""

import json
import os
import re
import subprocess
import sys

from tests.paths import ROOT

SECRET = "canary-secret-key-0123456789-0123456789-0123456789"
ENCRYPTION_KEY = "Y2FuYXJ5LWVuY3J5cHRpb24ta2V5LTMyLWJ5dGVzLSE="
OTHER_KEY = "b3RoZXItLWVuY3J5cHRpb24ta2V5LTMyLWJ5dGVzLSE="
COMPLETE = {"SECRET_KEY": SECRET, "FIELD_ENCRYPTION_KEYS": ENCRYPTION_KEY}

# Set and empty, so that a developer's .env file does not fill them in.
_ENV_FILE = ROOT / ".env"
BLANK = dict.fromkeys(
    re.findall(r"^\s*(?:export\s+)?(\w+)\s*=", _ENV_FILE.read_text("utf-8"), re.MULTILINE)
    if _ENV_FILE.is_file()
    else [],
    "",
)
# For a process that opens none: it fails where it tries to.
NO_DATABASE = {"DATABASE_URL": "sqlite:////nowhere/db.sqlite3"}


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` from the project's folder with this environment and nothing of ours."""
    system = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env={**system, "PYTHONIOENCODING": "utf-8", **BLANK, **NO_DATABASE, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def read(*names: str, **environment: str) -> list:
    """The named settings of a process that starts."""
    run = python(
        "import json\n"
        "from capital_project import settings\n"
        f"print(json.dumps([getattr(settings, name) for name in {names!r}], default=str))",
        **{**COMPLETE, **environment},
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def refusal(**environment: str) -> str:
    """Why a process does not start: its last line."""
    run = python("import capital_project.settings", **environment)
    assert run.returncode != 0
    assert run.stdout == ""
    for value in (SECRET, ENCRYPTION_KEY, OTHER_KEY):
        assert value not in run.stderr
    last = run.stderr.rstrip().splitlines()[-1]
    assert last.startswith("django.core.exceptions.ImproperlyConfigured: "), run.stderr
    return last
