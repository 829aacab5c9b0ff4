"""What happened to limits that others act on. Who does is connected in ``capital.signals``."""

from django.dispatch import Signal

# A limit stopped entries, or such a stop was lifted: ``account_ids``. Sent inside the transaction.
limit_stops_changed = Signal()
