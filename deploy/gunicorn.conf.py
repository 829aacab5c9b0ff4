"""gunicorn for the site: ``gunicorn --config deploy/gunicorn.conf.py``, beside manage.py."""

from typing import Any

from capital_project.environment import log_formatter

wsgi_app = "capital_project.wsgi"
bind = "127.0.0.1:8000"
workers = 2
# Webhooks and live balances wait for exchanges, each in a thread.
threads = 4
reuse_port = True
# A thread gets whole requests only.
worker_class = "capital_project.serving.workers.PatientWorker"

# Its own lines as all others: to stderr, in LOG_FORMAT, with one form of time. Each request is told
# by the application, so gunicorn's own access log stays off.
logconfig_dict: dict[str, Any] = {
    "formatters": {"line": log_formatter()},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"level": "INFO", "handlers": ["stderr"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": ["stderr"], "propagate": False},
        "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
    },
}


def post_worker_init(worker: Any) -> None:
    """The first process of the server says which stored secrets no key opens."""
    if worker.age == 1:
        from django.db import connections

        from capital.services.access import warn_of_unreadable

        warn_of_unreadable()
        connections.close_all()
