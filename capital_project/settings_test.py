"""The settings of the tests: the real ones, with throw-away secrets.

Nothing here changes behaviour. A test that needs a setting sets it itself.
"""

import os

os.environ["DEBUG"] = "1"

# This also reads a .env file.
import capital_project.environment  # noqa: F401

# Neither a developer's shell nor a .env file decides what the tests see, except which database
# they run on, and in which zone (TESTS_TIME_ZONE). Empty is the default.
_PREFIXES = ("CAPITAL_", "Q_")
_OTHERS = (
    "ALLOWED_HOSTS",
    "CONN_MAX_AGE",
    "CSRF_TRUSTED_ORIGINS",
    "FIELD_ENCRYPTION_KEYS",
    "LANGUAGE_CODE",
    "LOG_FORMAT",
    "LOG_LEVEL",
    "SECRET_KEY",
    "TIME_ZONE",
)
for _name in (*_OTHERS, *(name for name in os.environ if name.startswith(_PREFIXES))):
    os.environ[_name] = ""
os.environ["TIME_ZONE"] = os.environ.get("TESTS_TIME_ZONE", "")

from capital_project.settings import *  # noqa: E402, F403

# Each test's exchange is its own: what another one was asked does not count. Tests of the shared
# pace say otherwise.
CAPITAL_EGRESS = ""

# Django's test runner turns DEBUG off. Hashing a password 600,000 times proves nothing here.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
