"""Settings. ``environment`` reads those that can be configured; README.md lists them.

Outside ``DEBUG``, a missing secret stops the start with a message that names the variable. No
secret has a default that could work by accident.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from capital_project import __version__, environment
from capital_project.environment import BASE_DIR, DEBUG

SECRET_KEY = environment.strong(
    "SECRET_KEY",
    environment.secret(
        "SECRET_KEY",
        environment.DEVELOPMENT_SECRET_KEY,
        'python -c "import secrets; print(secrets.token_urlsafe(50))"',
    ),
)

# The first key encrypts, all of them decrypt. To rotate, put a new key first.
FIELD_ENCRYPTION_KEYS = environment.encryption_keys(
    environment.secret(
        "FIELD_ENCRYPTION_KEYS",
        environment.DEVELOPMENT_ENCRYPTION_KEY,
        'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"',
    )
)

ALLOWED_HOSTS = environment.hosts("ALLOWED_HOSTS")

# Outside DEBUG, cookies are sent over HTTPS only.
CAPITAL_HTTPS = environment.switch("CAPITAL_HTTPS", default=not DEBUG)
SESSION_COOKIE_SECURE = CAPITAL_HTTPS
CSRF_COOKIE_SECURE = CAPITAL_HTTPS
# How long browsers must refuse plain HTTP (HSTS). The header is sent over HTTPS only.
SECURE_HSTS_SECONDS = (
    environment.whole_number("CAPITAL_HSTS_SECONDS", 30 * 24 * 60 * 60, least=0)
    if CAPITAL_HTTPS
    else 0
)
# Whether that goes for all names below this host too, and browsers may keep it in their lists.
SECURE_HSTS_INCLUDE_SUBDOMAINS = environment.switch("CAPITAL_HSTS_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = SECURE_HSTS_INCLUDE_SUBDOMAINS
# Answer plain HTTP with a redirect. What monitors a machine asks it directly.
SECURE_SSL_REDIRECT = environment.switch("CAPITAL_HTTPS_REDIRECT", default=False)
SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$", "^workers$", "^metrics$"]
# Needed if the host that people see is not the one in the request.
CSRF_TRUSTED_ORIGINS = environment.origins("CSRF_TRUSTED_ORIGINS")
# Only for a proxy that always sets or removes this header itself, because it is trusted.
SECURE_PROXY_SSL_HEADER = environment.proxy_header("CAPITAL_PROXY_SSL_HEADER")
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "capital_project.views.csrf_failure"
# The table has a digest of each session's key, so that reading it opens no session.
SESSION_ENGINE = "capital_project.login.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

# Off: exchanges are never called, and the cached balances of the daily summary are used.
CAPITAL_LIVE_BALANCES = environment.switch("CAPITAL_LIVE_BALANCES", default=True)
# Venue to base URL, for the simulator or a proxy. Never from the database.
CAPITAL_VENUE_URLS = environment.venue_urls()
# How many accounts one process reads at once; an account with two wallets sends two requests.
CAPITAL_LIVE_CONCURRENCY = environment.whole_number("CAPITAL_LIVE_CONCURRENCY", 50, least=1)
# The address that exchanges see: all processes with this name share its limits, through the
# database or, where it is set, through Redis.
CAPITAL_EGRESS = environment.egress("CAPITAL_EGRESS")
CAPITAL_REDIS_URL = environment.redis_url("CAPITAL_REDIS_URL")

INSTALLED_APPS = [
    # Before the admin, because it replaces templates of the admin.
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "capital_project.apps.CapitalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_otp",
    "pgtrigger",
    "rest_framework",
    "django_filters",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "strategies",
    # Before django_q, because it replaces qcluster with one that leaves no process behind.
    "capital",
    "capital_project.apps.ProjectConfig",
    "django_q",
]

MIDDLEWARE = [
    # Around all others: it begins the request, and tells how it ended.
    "capital_project.serving.access_log.LogRequests",
    # Around all others, so that it counts what they answer, too.
    "capital_project.metrics.requests.CountRequests",
    # First, so that it has a word with answers of the others too.
    "capital_project.caching.NoStoreMiddleware",
    # It answers what a page met; wherever it stands.
    "capital_project.serving.database.DatabaseAway",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "capital_project.serving.token_calls.ContentPolicy",
    # Before whatever looks at the host.
    "capital_project.serving.probes.answer_probes",
    "capital_project.serving.token_calls.Sessions",
    "capital_project.serving.token_calls.Language",
    # Before anything reads a body, and before CommonMiddleware, which adds a Content-Length.
    "capital_project.serving.bodies.CompleteBody",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "capital_project.serving.token_calls.Users",
    "capital_project.serving.token_calls.SecondFactor",
    "capital_project.serving.token_calls.Messages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Last: it replaces the response of a view that found the login locked.
    "axes.middleware.AxesMiddleware",
]

# No form of ours is larger, and no proxy should pass on more.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

ROOT_URLCONF = "capital_project.urls"
WSGI_APPLICATION = "capital_project.wsgi.application"
ASGI_APPLICATION = "capital_project.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "capital_project" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


DATABASES = {"default": environment.database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

AUTHENTICATION_BACKENDS = [
    # First: it refuses logins after too many wrong passwords.
    "axes.backends.AxesStandaloneBackend",
    "capital_project.login.backends.PasswordBackend",
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
# Ten wrong passwords for one username from one address lock this pair for 15 minutes.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
# Behind a proxy, everyone would have its address, and anyone could lock anyone out.
AXES_CLIENT_IP_CALLABLE = "capital.addresses.counted_address"
AXES_LOCKOUT_CALLABLE = "capital_project.views.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ADMIN = False
# Otherwise it prints a line with every command.
AXES_VERBOSE = False
# Two-factor authentication (TOTP) for everyone who uses the admin.
CAPITAL_REQUIRE_TOTP = environment.switch("CAPITAL_REQUIRE_TOTP", default=False)
OTP_TOTP_ISSUER = "Capital"

# Pages may load only from this site. unfold's pages evaluate expressions and use inline styles.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'", "'unsafe-eval'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
    }
}


# The API. Rates are counted in each process and may be used up at once.
CAPITAL_API_TOKEN_RATE = environment.rate("CAPITAL_API_TOKEN_RATE", "600/minute")
CAPITAL_WEBHOOK_RATE = environment.rate("CAPITAL_WEBHOOK_RATE", "120/minute")
CAPITAL_API_ADDRESS_RATE = environment.rate("CAPITAL_API_ADDRESS_RATE", "1200/minute")
# Currency of the dashboard's total over all currencies, by stored rates. Empty: no total.
CAPITAL_REPORTING_CURRENCY = environment.currency("CAPITAL_REPORTING_CURRENCY")
# Number of our proxies: this many entries at the end of X-Forwarded-For are trusted.
CAPITAL_PROXY_COUNT = environment.whole_number("CAPITAL_PROXY_COUNT", 0, least=0)
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "throttles": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "throttles",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
}
KNOX_TOKEN_MODEL = "capital.ApiToken"
# Its migrations would create a second, empty table, which breaks flush.
MIGRATION_MODULES = {"knox": None}
REST_KNOX = {"AUTH_HEADER_PREFIX": "Bearer", "TOKEN_PREFIX": "cap_"}
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        # First, so that a 401 says how to send a token.
        "capital.api.frame.authentication.BearerAuthentication",
        "capital.api.frame.authentication.GoodSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["capital.api.frame.throttles.TokenThrottle"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "capital.api.frame.parsers.QuickNegotiation",
    "DEFAULT_PARSER_CLASSES": ["capital.api.frame.parsers.ExactJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "capital.api.frame.schema.ApiSchema",
    # No OPTIONS and no ?format=: only what is described exists.
    "DEFAULT_METADATA_CLASS": None,
    "URL_FORMAT_OVERRIDE": None,
    "EXCEPTION_HANDLER": "capital.api.frame.problems.handle_exception",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "OAS_VERSION": "3.1.0",
    "TITLE": "Capital",
    "DESCRIPTION": (
        "How much capital each strategy has, why, and what order size follows from it. It places "
        "no orders. Exact numbers are strings, in and out; JSON numbers are read too, but have "
        "lost digits in most languages. Errors are RFC 9457 problem objects."
    ),
    "VERSION": __version__,
    "SERVERS": [{"url": "/", "description": "The server that serves this description"}],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    # Anybody may read them; a session that is not good is refused here, as on every other page.
    "SERVE_AUTHENTICATION": ["capital.api.frame.authentication.GoodSession"],
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    # Fields of one name with values of their own.
    "ENUM_NAME_OVERRIDES": {
        "FlowKindEnum": "capital.models.trading.flows.KINDS",
        "FlowSourceEnum": "capital.models.trading.flows.SOURCES",
        "FillSourceEnum": "capital.models.trading.fills.SOURCES",
        "PositionSourceEnum": "capital.models.PositionSource",
        "FillCodeEnum": ["recorded", "known", "differs"],
        "ReservationStateEnum": ["open", "placed", "used", "released", "expired"],
        "StopScopeEnum": ["link", "account", "owner", "everybody"],
        "StrategyStatusEnum": "strategies.models.StrategyStatus",
        "AccountRoleEnum": "capital.models.AccessRole",
        "BalanceSourceEnum": ["live", "cached", "none"],
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "capital.api.frame.schema.name_enums",
        "capital.api.frame.schema.describe_problems",
    ],
}

LANGUAGE_CODE = environment.one_of("LANGUAGE_CODE", "en", ("en", "ko"))
LANGUAGES = [("en", "English"), ("ko", "한국어")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
FORMAT_MODULE_PATH = "capital_project.formats"
TIME_ZONE = environment.site_zone()
USE_TZ = True

# Alerts. Where people open the site, for links; empty: there are none.
CAPITAL_SITE_URL = environment.site_url("CAPITAL_SITE_URL")
# The mail server, for alerts by mail; empty: there is none.
_MAIL = environment.mail_server("CAPITAL_MAIL_URL")
EMAIL_HOST, EMAIL_PORT = _MAIL["EMAIL_HOST"], _MAIL["EMAIL_PORT"]
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _MAIL["EMAIL_HOST_USER"], _MAIL["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS, EMAIL_USE_SSL = _MAIL["EMAIL_USE_TLS"], _MAIL["EMAIL_USE_SSL"]
EMAIL_TIMEOUT = _MAIL["EMAIL_TIMEOUT"]
DEFAULT_FROM_EMAIL = environment.mail_address("CAPITAL_MAIL_FROM")
# Off: alerts go only where the whole internet may go, encrypted, and no redirect is followed.
CAPITAL_ALERT_PRIVATE_ADDRESSES = environment.switch(
    "CAPITAL_ALERT_PRIVATE_ADDRESSES", default=False
)
# A balance that cannot be read is told once that has lasted so long.
CAPITAL_ALERT_UNREADABLE_MINUTES = environment.whole_number(
    "CAPITAL_ALERT_UNREADABLE_MINUTES", 5, least=1, most=365 * 24 * 60
)
CAPITAL_ALERT_REDIRECTS = environment.switch("CAPITAL_ALERT_REDIRECTS", default=False)

# Who may read /metrics: whoever sends this token, or asks from one of these networks. Neither: it
# is not there, and nothing is counted.
CAPITAL_METRICS_TOKEN = environment.metrics_token("CAPITAL_METRICS_TOKEN")
CAPITAL_METRICS_NETWORKS = environment.networks("CAPITAL_METRICS_NETWORKS")
# Where the processes of one server count requests together. Empty: a folder of their own.
CAPITAL_METRICS_DIR = os.environ.get("CAPITAL_METRICS_DIR", "").strip()
# Asked after each round of jobs, so that somebody hears when nobody asks any more.
CAPITAL_PING_URL = environment.ping_url("CAPITAL_PING_URL")

# When the jobs run, in the project's time zone. `sync_schedules` applies changes.
CAPITAL_SYNC_MINUTES = environment.minutes("CAPITAL_SYNC_MINUTES", 1)
CAPITAL_REALLOCATE_MINUTES = environment.minutes("CAPITAL_REALLOCATE_MINUTES", 11)
CAPITAL_SYNC_FILLS_MINUTES = environment.minutes("CAPITAL_SYNC_FILLS_MINUTES", 5, least=0)
# Twice a day, so that rules are not older than a day unless a venue fails.
CAPITAL_SYNC_MARKETS_MINUTES = environment.minutes("CAPITAL_SYNC_MARKETS_MINUTES", 720)
CAPITAL_CLOSE_DAY_AT = environment.time_of_day("CAPITAL_CLOSE_DAY_AT", "00:00:30")
CAPITAL_CHECK_KEYS_AT = environment.time_of_day("CAPITAL_CHECK_KEYS_AT", "04:30:00")
CAPITAL_WATCH_MINUTES = environment.minutes("CAPITAL_WATCH_MINUTES", 1)
CAPITAL_DIGEST_AT = environment.time_of_day("CAPITAL_DIGEST_AT", "08:00:00")
CAPITAL_PRUNE_AT = environment.time_of_day("CAPITAL_PRUNE_AT", "03:30:00")
# How long rows about jobs are kept. Allocation runs are kept forever.
CAPITAL_KEEP_JOB_DAYS = environment.whole_number("CAPITAL_KEEP_JOB_DAYS", 30, least=1, most=36_500)
# More accounts than this are split into several tasks, for all workers and machines.
CAPITAL_JOB_CHUNK = environment.whole_number("CAPITAL_JOB_CHUNK", 200, least=1)
_TIMEOUT_SECONDS, _RETRY_SECONDS = environment.task_seconds(
    chunk=CAPITAL_JOB_CHUNK, concurrency=CAPITAL_LIVE_CONCURRENCY
)
# How far the clock of a machine may be off the database's. A cluster that is further off takes no
# work, and times of other machines are taken as right up to twice as much.
CAPITAL_CLOCK_TOLERANCE_SECONDS = environment.clock_tolerance_seconds(
    timeout=_TIMEOUT_SECONDS, retry=_RETRY_SECONDS
)

# The queue is in the database. It delivers at least once and needs no other server.
Q_CLUSTER: dict[str, Any] = {
    # The same on every machine: it names the queue and salts the signatures of its payloads.
    "name": environment.cluster_name(),
    # The database of the data, so that a task is committed or rolled back with the change.
    "orm": "default",
    # The ORM broker, which also records this cluster's heartbeat.
    "broker_class": "capital.queue.HeartbeatBroker",
    "workers": environment.whole_number("Q_WORKERS", 2, least=1),
    # Without a timeout, a task that hangs blocks its worker forever.
    "timeout": _TIMEOUT_SECONDS,
    # Longer than the timeout, or a slow task would run twice. Also the wait after a crash.
    "retry": _RETRY_SECONDS,
    # A failed task is retried …
    "ack_failures": False,
    # … but not forever.
    "max_attempts": 3,
    # A pulled task is locked while it waits, and its lock may expire: pull one, keep one ready.
    # Tasks that are not pulled are left for the other machines.
    "queue_limit": 1,
    "bulk": 1,
    # After a pause, each job runs once, not once for each missed time.
    "catch_up": False,
    # A second is soon enough: ten machines then make ten queries a second.
    "poll": 1,
    # How soon dead workers are replaced. The scheduler runs every 30 seconds.
    "guard_cycle": 1,
    # Keeps only the last successes; JobRun is the record. Failures stay until they are pruned.
    "save_limit": 250,
    # Times of day are in the project's time zone.
    "time_zone": TIME_ZONE,
    "label": "Queue",
}

STATIC_URL = "/static/"
# The application serves static files from the packages: nothing to collect.
WHITENOISE_USE_FINDERS = True


def _static(path: str) -> Callable[[Any], str]:
    """The address of a static file, for the request; to read settings loads no templates."""

    def address(_request: Any) -> str:
        from django.templatetags.static import static

        return static(path)

    return address


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Capital",
    "SITE_HEADER": "Capital",
    "SITE_SUBHEADER": __version__,
    "SITE_SYMBOL": "account_balance",
    "SHOW_LANGUAGES": True,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": _static("capital/favicon.svg"),
        }
    ],
    "STYLES": [
        _static("capital/desk.css"),
        _static("capital/timeline.css"),
        _static("capital/controls/controls.css"),
        "capital.admin.frame.colours.stylesheet",
    ],
    "SCRIPTS": [
        _static("capital/charts.js"),
        _static("capital/controls/controls.js"),
        _static("capital/live/ages.js"),
        _static("capital/live/reading.js"),
        _static("capital/live/parts.js"),
        _static("capital/timeline.js"),
        _static("capital/live/asking.js"),
        _static("capital/live/filter.js"),
        _static("capital/live/lists.js"),
        _static("capital/live/check.js"),
        _static("capital/controls/links.js"),
        _static("capital/controls/unsaved.js"),
    ],
    "DASHBOARD_CALLBACK": "capital.admin.dashboard.page.with_dashboard",
    "ACCOUNT": {"navigation": "capital.admin.frame.navigation.user_menu"},
    "COMMAND": {
        # Models whose rows can be searched by name, besides the pages.
        "search_models": ["capital.account", "strategies.strategy"],
        "show_history": False,
    },
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "capital.admin.frame.navigation.sidebar",
    },
}

LOG_LEVEL = environment.one_of(
    "LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
)
# `text` or `json`, and times in TIME_ZONE with their offset: of gunicorn and the workers, too.
LOG_FORMAT = environment.log_format()
# Logs go to stderr, so that --json on stdout stays clean.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": environment.log_formatter(),
    },
    "filters": {"refusals": {"()": "capital_project.log_lines.RefusalsInOneLine"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["refusals"],
        }
    },
    # Only the root has a level, so that DEBUG applies everywhere. The queue logs five lines per
    # task; at INFO they are suppressed.
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django-q": {"level": "WARNING" if LOG_LEVEL == "INFO" else LOG_LEVEL},
        # With DEBUG, Django would tell some lines twice.
        "django": {"handlers": []},
        # The development server tells of each request, too, in a form of its own.
        "django.server": {"level": "ERROR", "handlers": [], "propagate": True},
    },
}
