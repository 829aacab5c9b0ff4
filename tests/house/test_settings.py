"""The settings as a fresh process sees them, with an environment of the test's own."""

import json
import re
import socket

import pytest

from tests.interpreter import COMPLETE, ENCRYPTION_KEY, OTHER_KEY, SECRET, python, read, refusal
from tests.paths import ROOT

URLS = '{"binance": "http://127.0.0.1:9000"}'


# Secrets


def test_a_command_that_cannot_start_says_why_in_one_line():
    run = python(
        "import sys, manage; sys.argv = ['manage.py', 'reallocate']; manage.main()",
        **{**COMPLETE, "SECRET_KEY": ""},
    )

    assert run.returncode == 1
    assert run.stderr.startswith("ImproperlyConfigured: SECRET_KEY is not set.")
    assert run.stderr.count("\n") == 1


def test_a_command_collects_garbage_once_it_has_started():
    told = "import gc; print(gc.isenabled(), gc.get_threshold()[0], gc.get_freeze_count() > 0)"
    run = python(
        f"import sys, manage; sys.argv = ['manage.py', 'shell', '-v0', '-c', {told!r}]\n"
        "manage.main()",
        **COMPLETE,
    )

    assert run.stdout == "True 20000 True\n"


@pytest.mark.parametrize("name", ["SECRET_KEY", "FIELD_ENCRYPTION_KEYS"])
@pytest.mark.parametrize("value", ["", "   "])
def test_outside_debug_a_missing_secret_refuses_to_start_and_is_named(name, value):
    message = refusal(**{**COMPLETE, name: value})

    assert f"{name} is not set." in message
    assert "make one with: python -c" in message


def test_with_its_secrets_it_starts_outside_debug():
    assert read("DEBUG", "SECRET_KEY", "FIELD_ENCRYPTION_KEYS") == [
        False,
        SECRET,
        [ENCRYPTION_KEY],
    ]


def test_in_debug_it_starts_without_secrets():
    debug, secret, keys = read(
        "DEBUG", "SECRET_KEY", "FIELD_ENCRYPTION_KEYS",
        DEBUG="1", SECRET_KEY="", FIELD_ENCRYPTION_KEYS="",
    )  # fmt: skip

    assert debug is True
    assert secret.startswith("development-only")
    assert len(keys) == 1


def test_in_debug_secrets_that_are_given_are_used():
    assert read("SECRET_KEY", "FIELD_ENCRYPTION_KEYS", DEBUG="1") == [SECRET, [ENCRYPTION_KEY]]


def test_several_encryption_keys_stay_in_their_order():
    [keys] = read("FIELD_ENCRYPTION_KEYS", FIELD_ENCRYPTION_KEYS=f"{OTHER_KEY}, {ENCRYPTION_KEY},")

    assert keys == [OTHER_KEY, ENCRYPTION_KEY]


@pytest.mark.parametrize("debug", ["", "1"])
@pytest.mark.parametrize(
    ("keys", "which"),
    [
        ("canary-malformed", "key 1 of 1"),
        (f"{ENCRYPTION_KEY},canary-malformed", "key 2 of 2"),
        (f"{ENCRYPTION_KEY[:-4]},{OTHER_KEY}", "key 1 of 2"),
        ("Y2FuYXJ5", "key 1 of 1"),
        ("열쇠", "key 1 of 1"),
    ],
)
def test_a_malformed_encryption_key_is_told_by_its_position_only(keys, which, debug):
    message = refusal(**{**COMPLETE, "FIELD_ENCRYPTION_KEYS": keys, "DEBUG": debug})

    assert f"FIELD_ENCRYPTION_KEYS: {which} is not a Fernet key" in message
    for key in keys.split(","):
        assert key not in message


# Other servers than the exchanges


def test_venue_urls_are_refused_outside_debug():
    message = refusal(**COMPLETE, CAPITAL_VENUE_URLS=URLS)

    assert "CAPITAL_VENUE_URLS sends signed requests to other servers" in message
    assert "DEBUG=1 or CAPITAL_ALLOW_VENUE_URLS=1" in message


@pytest.mark.parametrize("allowed_by", ["DEBUG", "CAPITAL_ALLOW_VENUE_URLS"])
def test_venue_urls_are_accepted_where_they_are_allowed(allowed_by):
    [urls] = read("CAPITAL_VENUE_URLS", CAPITAL_VENUE_URLS=URLS, **{allowed_by: "1"})

    assert urls == {"binance": "http://127.0.0.1:9000"}


@pytest.mark.parametrize("allowed", ["0", "", "no"])
def test_venue_urls_are_refused_where_they_are_not_allowed(allowed):
    assert "CAPITAL_VENUE_URLS" in refusal(
        **COMPLETE, CAPITAL_VENUE_URLS=URLS, CAPITAL_ALLOW_VENUE_URLS=allowed
    )


@pytest.mark.parametrize("value", ["", "  ", "{}"])
def test_no_venue_urls_need_no_permission(value):
    assert read("CAPITAL_VENUE_URLS", CAPITAL_VENUE_URLS=value) == [{}]


@pytest.mark.parametrize("value", ["{", "http://127.0.0.1:9000", "{'binance': 'http://x'}"])
def test_venue_urls_that_are_not_json_are_refused_by_name(value):
    message = refusal(**COMPLETE, CAPITAL_VENUE_URLS=value, DEBUG="1")

    assert "CAPITAL_VENUE_URLS is not JSON" in message


@pytest.mark.parametrize("value", ["[]", '["http://127.0.0.1"]', '"http://127.0.0.1"', "1", "null"])
def test_venue_urls_that_are_no_object_are_refused_by_name(value):
    message = refusal(**COMPLETE, CAPITAL_VENUE_URLS=value, DEBUG="1")

    assert "CAPITAL_VENUE_URLS must be a JSON object" in message


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:9000", "ftp://127.0.0.1", "http://", "file:///etc/passwd", None, 9000]
)
def test_a_venue_url_that_is_no_http_url_is_refused_with_its_venue(url):
    message = refusal(
        **COMPLETE, CAPITAL_VENUE_URLS=json.dumps({"binance": url}), CAPITAL_ALLOW_VENUE_URLS="1"
    )

    assert "CAPITAL_VENUE_URLS: the entry for 'binance' is not an http(s) URL." in message


def test_a_mistyped_venue_is_warned_of():
    run = python(
        "from django.core.management import execute_from_command_line\n"
        "execute_from_command_line(['manage.py', 'check'])",
        DJANGO_SETTINGS_MODULE="capital_project.settings",
        DEBUG="1",
        CAPITAL_VENUE_URLS='{"binanse": "http://127.0.0.1:9000"}',
    )

    assert run.returncode == 0, run.stderr
    assert "capital.W001" in run.stderr
    assert "'binanse'" in run.stderr


@pytest.mark.parametrize(
    ("value", "expected"), [("", True), ("1", True), ("0", False), ("off", False)]
)
def test_live_balances_are_on_unless_they_are_switched_off(value, expected):
    given = {"CAPITAL_LIVE_BALANCES": value} if value else {}

    assert read("CAPITAL_LIVE_BALANCES", **given) == [expected]


def test_at_least_one_request_runs_at_once():
    assert read("CAPITAL_LIVE_CONCURRENCY") == [50]
    assert "CAPITAL_LIVE_CONCURRENCY must be a whole number, 1 or more" in refusal(
        **COMPLETE, CAPITAL_LIVE_CONCURRENCY="0"
    )


def test_processes_of_a_machine_share_what_exchanges_allow_it():
    assert read("CAPITAL_EGRESS", "CAPITAL_REDIS_URL") == [socket.gethostname(), ""]
    assert read("CAPITAL_EGRESS", CAPITAL_EGRESS=" nat-1 ") == ["nat-1"]
    for value in ("two words", "x" * 101, "주소"):
        assert "CAPITAL_EGRESS must be 1 to 100 letters, digits or marks" in refusal(
            **COMPLETE, CAPITAL_EGRESS=value
        )


@pytest.mark.parametrize("url", ["redis://127.0.0.1/1", "rediss://:pw@host:1", "unix:///a/b"])
def test_redis_is_used_where_it_is_given(url):
    assert read("CAPITAL_REDIS_URL", CAPITAL_REDIS_URL=url) == [url]


def test_url_of_another_server_is_refused_without_showing_its_password():
    message = refusal(**COMPLETE, CAPITAL_REDIS_URL="http://:hunter2@host")

    assert "CAPITAL_REDIS_URL must begin with redis://" in message
    assert "hunter2" not in message


# Alerts


def test_without_a_mail_server_there_is_none():
    assert read("EMAIL_HOST", "CAPITAL_SITE_URL") == ["", ""]
    [sender] = read("DEFAULT_FROM_EMAIL")
    assert sender == f"capital@{socket.gethostname()}"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", ["mail.example", 25, "", "", False, False]),
        (
            "smtp+tls://bot%40example.com:p%2Fw@mail.example",
            ["mail.example", 587, "bot@example.com", "p/w", True, False],
        ),
        ("smtp+ssl://bot:pw@mail.example:4650", ["mail.example", 4650, "bot", "pw", False, True]),
    ],
)
def test_a_mail_server_is_a_url(url, expected):
    names = ["HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_TLS", "USE_SSL"]

    assert read(*(f"EMAIL_{name}" for name in names), CAPITAL_MAIL_URL=url) == expected


@pytest.mark.parametrize(
    "url", ["mail.example", "https://u:hunter2@host", "smtp://", "smtp://u:hunter2@host:port"]
)
def test_another_url_is_no_mail_server_and_its_password_is_not_shown(url):
    message = refusal(**COMPLETE, CAPITAL_MAIL_URL=url)

    assert "CAPITAL_MAIL_URL must begin with smtp://" in message
    assert "hunter2" not in message


def test_mail_comes_from_an_address():
    assert read("DEFAULT_FROM_EMAIL", CAPITAL_MAIL_FROM="Capital <c@x.y>") == ["Capital <c@x.y>"]
    assert "CAPITAL_MAIL_FROM must be" in refusal(**COMPLETE, CAPITAL_MAIL_FROM="nobody")


def test_the_site_has_an_address():
    url = "https://capital.example/"
    assert read("CAPITAL_SITE_URL", CAPITAL_SITE_URL=url) == ["https://capital.example"]
    assert "CAPITAL_SITE_URL must begin" in refusal(**COMPLETE, CAPITAL_SITE_URL="capital.example")


# Monitoring


def test_nobody_reads_metrics_and_nobody_is_pinged_by_default():
    names = ("TOKEN", "NETWORKS", "DIR")
    assert read(*(f"CAPITAL_METRICS_{name}" for name in names)) == ["", [], ""]
    assert read("CAPITAL_PING_URL") == [""]


@pytest.mark.parametrize("token", ["short-hunter2", "hunter2 " * 5, "비밀-hunter2-" * 3])
def test_a_token_for_metrics_is_long_and_is_not_shown(token):
    message = refusal(**COMPLETE, CAPITAL_METRICS_TOKEN=token)

    assert "CAPITAL_METRICS_TOKEN must be 20 or more letters" in message
    assert "hunter2" not in message
    assert read("CAPITAL_METRICS_TOKEN", CAPITAL_METRICS_TOKEN="x" * 20) == ["x" * 20]


def test_metrics_are_for_networks_or_addresses():
    [found] = read("CAPITAL_METRICS_NETWORKS", CAPITAL_METRICS_NETWORKS="10.0.0.0/8, ::1,")
    assert [str(each) for each in found] == ["10.0.0.0/8", "::1/128"]
    for value in ("10.0.0.1/8", "prometheus"):
        assert "is no network such as 10.0.0.0/8" in refusal(
            **COMPLETE, CAPITAL_METRICS_NETWORKS=value
        )


@pytest.mark.parametrize("url", ["hunter2", "ftp://hunter2@host/", "https://host/hunter2 ü"])
def test_whom_to_ping_is_a_url_and_is_not_shown(url):
    message = refusal(**COMPLETE, CAPITAL_PING_URL=url)

    assert "CAPITAL_PING_URL must be an http(s) URL." in message
    assert "hunter2" not in message
    fine = "https://hc-ping.com/1-2?rid=3"
    assert read("CAPITAL_PING_URL", CAPITAL_PING_URL=fine) == [fine]


# Databases


def test_sqlite_waits_locks_at_begin_and_logs_ahead():
    [databases] = read("DATABASES", DATABASE_URL="sqlite:////nowhere/db.sqlite3")
    database = databases["default"]

    assert database["ENGINE"] == "django.db.backends.sqlite3"
    assert database["OPTIONS"] == {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL;",
    }


def test_postgresql_keeps_its_connections_for_a_minute():
    [databases] = read("DATABASES", DATABASE_URL="postgres://trader:pw@db.example:5433/desk")
    database = databases["default"]

    assert database["ENGINE"] == "capital_project.postgresql"
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db.example", 5433, "desk")
    assert database["CONN_MAX_AGE"] == 60
    assert database["CONN_HEALTH_CHECKS"] is True


@pytest.mark.parametrize("url", ["sqlite://x.db", "sqlite://desk/x.db", "sqlite://"])
def test_file_of_sqlite_behind_two_slashes_is_refused_and_says_how_to_write_it(url):
    message = refusal(**COMPLETE, DATABASE_URL=url)

    assert "written with three slashes, sqlite:///name.sqlite3" in message


@pytest.mark.parametrize("url", ["sqlite://:memory:", "sqlite:///x.db", "sqlite:////x/y.db"])
def test_other_ways_to_name_a_file_of_sqlite_are_taken(url):
    [databases] = read("DATABASES", DATABASE_URL=url)

    assert databases["default"]["ENGINE"] == "django.db.backends.sqlite3"


def test_pool_of_connections_is_refused_because_it_stops_the_worker_dead():
    message = refusal(**COMPLETE, DATABASE_URL="postgres://trader:canary@db/desk?pool=true")

    assert "DATABASE_URL must not ask for a pool of connections" in message
    assert "canary@" not in message


@pytest.mark.parametrize("url", ["sqlite:////nowhere/db.sqlite3", "postgres://trader@db/desk"])
def test_requests_are_not_atomic(url):
    [databases] = read("DATABASES", DATABASE_URL=url)

    assert databases["default"]["ATOMIC_REQUESTS"] is False


def test_sqlite_really_writes_ahead(tmp_path):
    run = python(
        "import django; django.setup()\n"
        "from django.db import connection\n"
        "cursor = connection.cursor()\n"
        "print(cursor.execute('PRAGMA journal_mode').fetchone()[0])\n"
        "print(cursor.execute('PRAGMA busy_timeout').fetchone()[0])",
        DJANGO_SETTINGS_MODULE="capital_project.settings",
        DATABASE_URL=f"sqlite:///{tmp_path / 'db.sqlite3'}",
        **COMPLETE,
    )

    assert run.stdout.split() == ["wal", "20000"], run.stderr


# Clocks


def test_clocks_may_differ_by_less_than_a_retry_leaves():
    name = "CAPITAL_CLOCK_TOLERANCE_SECONDS"

    assert read(name) == [60]
    assert read(name, **{name: "104"}) == [104]
    # 300 seconds until a retry, 90 for the task: 209 are left for two clocks.
    assert (
        "CAPITAL_CLOCK_TOLERANCE_SECONDS (105) is too much: Q_RETRY_SECONDS (300) must be more "
        "than Q_TIMEOUT_SECONDS (90) and twice CAPITAL_CLOCK_TOLERANCE_SECONDS."
    ) in refusal(**COMPLETE, **{name: "105"})
    assert f"{name} must be a whole number, 1 or more." in refusal(**COMPLETE, **{name: "0"})


@pytest.mark.parametrize(
    ("timeout", "retry", "seconds"), [(90, 151, 30), (10, 2000, 60), (1, 2, 1)]
)
def test_where_a_retry_leaves_less_clocks_may_differ_by_less(timeout, retry, seconds):
    queue = {"Q_TIMEOUT_SECONDS": str(timeout), "Q_RETRY_SECONDS": str(retry)}

    assert read("CAPITAL_CLOCK_TOLERANCE_SECONDS", **queue) == [seconds]


# Language and time


def test_the_language_is_english_and_the_time_is_seouls():
    assert read("LANGUAGE_CODE", "TIME_ZONE", "USE_TZ", "USE_I18N") == [
        "en",
        "Asia/Seoul",
        True,
        True,
    ]


def test_language_and_time_zone_can_be_set():
    assert read("LANGUAGE_CODE", "TIME_ZONE", LANGUAGE_CODE="ko", TIME_ZONE="Europe/Zurich") == [
        "ko",
        "Europe/Zurich",
    ]


# Under the tests


def _variables() -> set[str]:
    """Whatever is written like a variable where settings are read; the database may be chosen."""
    modules = [ROOT / "capital_project" / name for name in ("settings.py", "environment.py")]
    written = re.findall(
        r'"([A-Z][A-Z0-9_]+)"', "".join(module.read_text("utf-8") for module in modules)
    )
    return set(written) - {"DATABASE_URL"}


def _under_test(**environment: str) -> str:
    """Every setting of a process that runs tests."""
    run = python(
        "import json\n"
        "from django.utils.functional import Promise\n"
        "from capital_project import settings_test\n"
        "def text(value):\n"
        "    return '' if isinstance(value, Promise) or callable(value) else repr(value)\n"
        "values = {name: value for name, value in vars(settings_test).items() if name.isupper()}\n"
        "print(json.dumps(values, default=text, sort_keys=True, indent=1))",
        **{"DATABASE_URL": "postgres://trader@db/desk", **environment},
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("value", ["canary", "7"])
def test_no_variable_of_a_shell_decides_what_the_tests_see(value):
    variables = _variables()
    assert {"CONN_MAX_AGE", "CAPITAL_VENUE_URLS", "Q_WORKERS", "TIME_ZONE"} <= variables

    assert _under_test(**dict.fromkeys(variables, value)) == _under_test()


# What starting costs

# Exchanges, and tables that people send or are sent: loaded where one is met.
NEEDED_BY_FEW = {"aiohttp", "ccxt", "import_export", "numpy", "openpyxl", "tablib"}


def test_checking_loads_nothing_that_few_processes_need():
    run = python(
        "import sys\n"
        "from django.core.management import execute_from_command_line\n"
        "execute_from_command_line(['manage.py', 'check'])\n"
        f"print(sorted({NEEDED_BY_FEW!r} & set(sys.modules)))",
        DJANGO_SETTINGS_MODULE="capital_project.settings",
        **COMPLETE,
    )

    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [
        "System check identified no issues (0 silenced).",
        "[]",
    ]


# Over HTTPS


def test_cookies_go_over_https_only_outside_debug():
    names = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS")

    assert read(*names) == [True, True, 2592000]
    assert read(*names, CAPITAL_HSTS_SECONDS="60") == [True, True, 60]
    assert read(*names, DEBUG="1") == [False, False, 0]
    assert read(*names, CAPITAL_HTTPS="0") == [False, False, 0]


def test_proxy_is_believed_only_where_it_is_named():
    names = ("SECURE_PROXY_SSL_HEADER", "CSRF_TRUSTED_ORIGINS")

    assert read(*names) == [None, []]
    assert read(
        *names,
        CAPITAL_PROXY_SSL_HEADER="X-Forwarded-Proto",
        CSRF_TRUSTED_ORIGINS="https://capital.example.com, https://desk.example.com/",
    ) == [
        ["HTTP_X_FORWARDED_PROTO", "https"],
        ["https://capital.example.com", "https://desk.example.com"],
    ]


def test_address_that_is_no_origin_is_refused_by_name():
    assert "CSRF_TRUSTED_ORIGINS: 'capital.example.com' is not an origin" in refusal(
        **COMPLETE, CSRF_TRUSTED_ORIGINS="capital.example.com"
    )
    assert "CAPITAL_PROXY_SSL_HEADER must be a header's name" in refusal(
        **COMPLETE, CAPITAL_PROXY_SSL_HEADER="X-Forwarded-Proto: https"
    )
