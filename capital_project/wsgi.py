"""WSGI entry point."""

import os
import threading

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "capital_project.settings")
application = get_wsgi_application()


def _warm_up() -> None:
    from capital.exchange.gateway import warm_up

    warm_up()


# A webhook must be answered within three seconds, even if it is this process's first request.
if settings.CAPITAL_LIVE_BALANCES:
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()
