"""The settings under which the tests run: the real ones, with throw-away secrets.

Nothing here changes behaviour; a test that needs a setting sets it where it is read.
"""

import os

os.environ.setdefault("DEBUG", "1")
# Neither a developer's shell nor a .env file decides what the tests see. Empty is the default.
for name in (
    "ALLOWED_HOSTS",
    "CAPITAL_API_ADDRESS_RATE",
    "CAPITAL_API_TOKEN_RATE",
    "CAPITAL_CLOSE_DAY_AT",
    "CAPITAL_HSTS_SECONDS",
    "CAPITAL_HTTPS",
    "CAPITAL_JOB_CHUNK",
    "CAPITAL_KEEP_JOB_DAYS",
    "CAPITAL_LIVE_BALANCES",
    "CAPITAL_PROXY_SSL_HEADER",
    "CAPITAL_PROXY_COUNT",
    "CAPITAL_PRUNE_AT",
    "CAPITAL_REALLOCATE_MINUTES",
    "CAPITAL_REQUIRE_TOTP",
    "CAPITAL_SYNC_MINUTES",
    "CAPITAL_VENUE_URLS",
    "CSRF_TRUSTED_ORIGINS",
    "CAPITAL_WEBHOOK_RATE",
    "FIELD_ENCRYPTION_KEYS",
    "LANGUAGE_CODE",
    "Q_CLUSTER_NAME",
    "Q_RETRY_SECONDS",
    "Q_TIMEOUT_SECONDS",
    "Q_WORKERS",
    "SECRET_KEY",
    "TIME_ZONE",
):
    os.environ[name] = ""

from capital_project.settings import *  # noqa: E402, F403

# Django's test runner turns DEBUG off; hashing a password 600,000 times proves nothing here.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
