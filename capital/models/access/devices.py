"""What proves a user after the password: the phone's seed, sealed, and digests of backup codes.

django-otp's own models keep both as plain text. These are devices of django-otp all the same: its
middleware and its waiting after wrong codes work with them.
"""

import logging
import time
from base64 import b32decode
from typing import Any

from django.contrib.auth.hashers import check_password
from django.db import models
from django.utils.translation import gettext_lazy as _
from django_otp.models import Device, ThrottlingMixin, TimestampMixin
from django_otp.oath import TOTP

from capital.domain.errors import CredentialsUnreadable
from capital.models.columns.encrypted import CipherIdField, EncryptedTextField

# Codes of the time steps (30 seconds each) before and after the present one count too.
_TOLERANCE_STEPS = 1

logger = logging.getLogger(__name__)


class _ProvingDevice(TimestampMixin, ThrottlingMixin, Device):  # type: ignore[misc]  # no types
    """A device that makes whoever gives wrong codes wait: 1, 2, 4, 8 … seconds."""

    class Meta:
        abstract = True

    def get_throttle_factor(self) -> int:
        """The first wait, in seconds."""
        return 1

    def verify_token(self, token: str) -> bool:
        """Whether the code is right, and nobody has to wait. Counts wrong ones."""
        if not self.verify_is_allowed()[0]:
            return False
        if not self.takes(token):
            self.throttle_increment()
            return False
        self.throttle_reset(commit=False)
        self.set_last_used_timestamp(commit=False)
        self.save()
        return True

    def takes(self, code: str) -> bool:
        """Whether the code is right. It is used up: the row is to be saved."""
        raise NotImplementedError


class SecondFactorDevice(_ProvingDevice):
    """A phone whose app shows a code of six digits every 30 seconds (TOTP, RFC 6238).

    Attributes:
        seed: What the app was given, in base32. Only a device that was confirmed has a row.
        drift: How many time steps the phone's clock was off, when it was used last.
        last_t: The time step of the last code that was taken. Each is taken once.
    """

    cipher_id = CipherIdField()
    seed = EncryptedTextField(_("key"))
    drift = models.SmallIntegerField(_("clock's deviation"), default=0, editable=False)
    last_t = models.BigIntegerField(_("time step of the last code"), default=-1, editable=False)

    class Meta:
        verbose_name = _("two-factor device")
        verbose_name_plural = _("two-factor devices")
        ordering = ["pk"]
        # A superuser's alone, whatever somebody was given.
        default_permissions = ()

    def __repr__(self) -> str:
        return f"<SecondFactorDevice {self.pk}>"

    def takes(self, code: str) -> bool:
        """Whether the phone shows this code now, and it was not used."""
        if not (code.isascii() and code.isdecimal()):
            return False
        try:
            totp = TOTP(b32decode(self.seed), drift=self.drift)
        except CredentialsUnreadable:
            logger.error("Two-factor device %s: no key decrypts it.", self.pk)
            return False
        totp.time = time.time()
        if not totp.verify(int(code), _TOLERANCE_STEPS, self.last_t + 1):
            return False
        self.last_t, self.drift = totp.t(), totp.drift
        return True


class BackupCodes(_ProvingDevice):
    """Codes that were handed out for a lost phone. Each works once.

    Attributes:
        digests: Of the codes that were not used, as passwords are stored.
    """

    digests: Any = models.JSONField(_("fingerprints"), default=list, editable=False)

    class Meta:
        verbose_name = _("backup codes")
        verbose_name_plural = _("backup codes")
        ordering = ["pk"]
        # A superuser's alone, whatever somebody was given.
        default_permissions = ()

    def __repr__(self) -> str:
        return f"<BackupCodes {self.pk}>"

    def takes(self, code: str) -> bool:
        """Whether it is one of the codes, in large letters too. It no longer is."""
        # They are handed out in small letters. Those of earlier versions may have any.
        typed = {code, code.lower()}
        used = [each for each in self.digests if any(check_password(text, each) for text in typed)]
        self.digests = [each for each in self.digests if each not in used]
        return bool(used)


# The fields that django-otp brings, in the reader's language.
for _model in (SecondFactorDevice, BackupCodes):
    for _name, _label in (
        ("user", _("user")),
        ("name", _("name")),
        ("confirmed", _("confirmed")),
        ("created_at", _("created at")),
        ("last_used_at", _("last used")),
        ("throttling_failure_timestamp", _("time of the last wrong code")),
        ("throttling_failure_count", _("wrong codes in a row")),
    ):
        _field = _model._meta.get_field(_name)
        _field.verbose_name, _field.help_text = _label, ""
