"""What happened to balances that others act on: connected in ``capital.signals``."""

from django.dispatch import Signal

# Balances were read and stored: ``account_ids`` and ``now``. Sent inside the transaction that
# locked the accounts.
balances_synced = Signal()
