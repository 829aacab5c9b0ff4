"""What refuses to start, and what Django's check of a deployment says of docs/operations.md."""

import base64
import re

import pytest

from capital_project.environment import DEVELOPMENT_ENCRYPTION_KEY, DEVELOPMENT_SECRET_KEY
from tests.interpreter import COMPLETE, ENCRYPTION_KEY, OTHER_KEY, SECRET, read, refusal
from tests.paths import ROOT
from tests.processes import environment_for, run_python


def key_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SECRET_KEY", DEVELOPMENT_SECRET_KEY, "published"),
        ("SECRET_KEY", f" {DEVELOPMENT_SECRET_KEY} ", "published"),
        ("SECRET_KEY", "short", "too easy to guess"),
        ("SECRET_KEY", "x1y2" * 12, "too easy to guess"),
        ("SECRET_KEY", "a" * 80, "too easy to guess"),
        ("SECRET_KEY", "django-insecure-" + SECRET, "too easy to guess"),
        ("FIELD_ENCRYPTION_KEYS", DEVELOPMENT_ENCRYPTION_KEY, "published"),
        ("FIELD_ENCRYPTION_KEYS", f"{ENCRYPTION_KEY},{DEVELOPMENT_ENCRYPTION_KEY}", "published"),
        ("FIELD_ENCRYPTION_KEYS", key_of(bytes(32)), "key 1 of 1 is too easy to guess"),
        (
            "FIELD_ENCRYPTION_KEYS",
            f"{OTHER_KEY},{key_of(b'secret' * 5 + b'ab')}",
            "key 2 of 2 is too easy to guess",
        ),
        ("FIELD_ENCRYPTION_KEYS", key_of(b"short"), "is not a Fernet key"),
    ],
)
def test_outside_debug_a_published_or_short_secret_refuses_to_start(
    name: str, value: str, says: str
) -> None:
    message = refusal(**{**COMPLETE, name: value})

    assert name in message
    assert says in message
    assert value.strip() not in message
    if "Fernet" not in says:
        # To try the product, any will do.
        assert read("DEBUG", **{**COMPLETE, name: value, "DEBUG": "1"}) == [True]


def test_the_documented_settings_pass_djangos_check_of_a_deployment() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    [block] = re.findall(r"environment of the web machine:\n\n```\n(.+?)```", text, re.DOTALL)
    documented = dict(line.split("=", 1) for line in block.splitlines())
    assert {"ALLOWED_HOSTS", "CAPITAL_PROXY_SSL_HEADER", "CAPITAL_PROXY_COUNT"} <= set(documented)

    environment = environment_for(
        "sqlite:///:memory:", **{**COMPLETE, **documented, "DEBUG": "0", "LANGUAGE_CODE": "en"}
    )
    done = run_python(
        ["manage.py", "check", "--deploy", "--fail-level", "DEBUG"], environment, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == "System check identified no issues (0 silenced)."
