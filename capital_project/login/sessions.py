"""Sessions, stored under a digest of their key: who reads the table cannot take one over.

The cookie has the key; the table has its SHA-256, as it has of API tokens. What else a row holds
is signed, and opens nothing.
"""

import hashlib
from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone


def stored_key(session_key: str) -> str:
    """What the table has of a key: as much of its digest as the column takes, 160 bits."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:40]


class SessionStore(DatabaseStore):
    """Django's sessions in the database, but for the key that is written there."""

    def _get_session_from_db(self) -> Any:
        found = self._unexpired().first()
        if found is None:
            self._session_key = None
        return found

    async def _aget_session_from_db(self) -> Any:
        found = await self._unexpired().afirst()
        if found is None:
            self._session_key = None
        return found

    def _unexpired(self) -> Any:
        key = stored_key(self.session_key or "")
        return self.model.objects.filter(session_key=key, expire_date__gt=timezone.now())

    def exists(self, session_key: str) -> bool:
        """Whether there is a session of this key."""
        return super().exists(stored_key(session_key))

    async def aexists(self, session_key: str) -> bool:
        """As ``exists``."""
        return await super().aexists(stored_key(session_key))

    def create_model_instance(self, data: Any) -> Any:
        """The row, with the digest of the key."""
        row = super().create_model_instance(data)
        row.session_key = stored_key(row.session_key)
        return row

    async def acreate_model_instance(self, data: Any) -> Any:
        """As ``create_model_instance``."""
        row = await super().acreate_model_instance(data)
        row.session_key = stored_key(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """Delete the session of this key; without one, this session."""
        key = self.session_key if session_key is None else session_key
        if key is not None:
            super().delete(stored_key(key))

    async def adelete(self, session_key: str | None = None) -> None:
        """As ``delete``."""
        key = self.session_key if session_key is None else session_key
        if key is not None:
            await super().adelete(stored_key(key))
