"""What is unpickled from the queue's tables: plain values, and nothing that runs code.

django-q2 keeps arguments and results as pickles. Those of finished tasks are not signed, and a
pickle may call any function: loading one from a row that somebody else wrote would run his code.
"""

import io
import logging
import pickle
from typing import Any

import django_q.signing
import picklefield.fields
from django.db.models.signals import post_save
from django_q.models import Task
from django_q.signals import call_hook

logger = logging.getLogger(__name__)

# What makes up our arguments and results, besides what needs no class.
_PLAIN = frozenset(
    {
        ("collections", "Counter"),
        ("collections", "OrderedDict"),
        ("datetime", "date"),
        ("datetime", "datetime"),
        ("datetime", "time"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("decimal", "Decimal"),
        ("uuid", "UUID"),
    }
)


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _PLAIN:
            logger.error(
                "A pickle in the queue's tables names %r and was not loaded.", (module, name)
            )
            raise pickle.UnpicklingError(
                "A pickle in the queue's tables is not made of plain values."
            )
        return super().find_class(module, name)


def load_plain(pickled: bytes) -> Any:
    """Load a pickle of plain values. Raises ``UnpicklingError`` for any other."""
    return _PlainUnpickler(io.BytesIO(pickled)).load()


def close_queue_tables() -> None:
    """Let no row of the queue's tables run code: not by its pickles, not by its hook."""
    picklefield.fields.loads = load_plain
    django_q.signing.PickleSerializer.loads = staticmethod(load_plain)
    post_save.disconnect(call_hook, sender=Task)
