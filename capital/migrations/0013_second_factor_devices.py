"""Seeds of second factors are sealed, backup codes digested; what django-otp kept is emptied."""

import uuid
from base64 import b32encode
from binascii import unhexlify
from collections import defaultdict
from typing import Any

import django.db.models.deletion
from django.apps.registry import Apps
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import migrations, models

import capital.models.columns.encrypted

_OLD = Apps()


class OldDevice(models.Model):  # noqa: DJ008  # read here only
    """A row of django-otp's app ``otp_totp``, which is installed no more."""

    user_id = models.BigIntegerField()
    name = models.CharField(max_length=64)
    confirmed = models.BooleanField()
    key = models.CharField(max_length=80)
    drift = models.SmallIntegerField()
    last_t = models.BigIntegerField()
    throttling_failure_timestamp = models.DateTimeField(null=True)
    throttling_failure_count = models.PositiveIntegerField()
    created_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        apps = _OLD
        app_label = "otp_totp"
        db_table = "otp_totp_totpdevice"


class OldBackupDevice(models.Model):  # noqa: DJ008  # read here only
    """A row of django-otp's app ``otp_static``."""

    user_id = models.BigIntegerField()
    confirmed = models.BooleanField()

    class Meta:
        apps = _OLD
        app_label = "otp_static"
        db_table = "otp_static_staticdevice"


class OldBackupCode(models.Model):  # noqa: DJ008  # read here only
    """A code of such a row."""

    device = models.ForeignKey(OldBackupDevice, on_delete=models.CASCADE)
    token = models.CharField(max_length=16)

    class Meta:
        apps = _OLD
        app_label = "otp_static"
        db_table = "otp_static_statictoken"


def take_over(apps: Any, schema_editor: Any) -> None:
    """Keep what was confirmed. What waited for its first code could be read, and is dropped."""
    connection = schema_editor.connection
    there = set(connection.introspection.table_names())
    if OldDevice._meta.db_table in there:
        _take_devices(apps.get_model("capital", "SecondFactorDevice"), connection.alias)
    if OldBackupCode._meta.db_table in there:
        _take_codes(apps.get_model("capital", "BackupCodes"), connection.alias)
    for model in (OldBackupCode, OldBackupDevice, OldDevice):
        if model._meta.db_table in there:
            _empty(model, connection)


def _take_devices(model: Any, alias: str) -> None:
    same = (
        "user_id", "name", "drift", "last_t", "throttling_failure_timestamp",
        "throttling_failure_count", "last_used_at",
    )  # fmt: skip
    for old in OldDevice._base_manager.using(alias).filter(confirmed=True).order_by("pk"):
        new = model(**{name: getattr(old, name) for name in same})
        new.seed = b32encode(unhexlify(old.key)).decode()
        new.save(using=alias)
        model._base_manager.using(alias).filter(pk=new.pk).update(created_at=old.created_at)


def _take_codes(model: Any, alias: str) -> None:
    digests = defaultdict(list)
    for old in OldBackupCode._base_manager.using(alias).select_related("device").order_by("pk"):
        if old.device.confirmed:
            digests[old.device.user_id].append(make_password(old.token))
    for user_id, those in digests.items():
        model(user_id=user_id, name="Backup codes", digests=those).save(using=alias)


def _empty(model: type[models.Model], connection: Any) -> None:
    """Leave nothing of the rows in the table's files either."""
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"TRUNCATE {table} CASCADE")
            return
        cursor.execute("PRAGMA secure_delete = ON")
        cursor.execute(f"DELETE FROM {table}")  # noqa: S608  # one of three names above


class Migration(migrations.Migration):
    dependencies = [
        ("capital", "0012_unknown_pnl"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BackupCodes",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=64)),
                ("confirmed", models.BooleanField(default=True)),
                (
                    "throttling_failure_timestamp",
                    models.DateTimeField(blank=True, default=None, null=True),
                ),
                ("throttling_failure_count", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(auto_now_add=True, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "digests",
                    models.JSONField(default=list, editable=False, verbose_name="fingerprints"),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name": "backup codes",
                "verbose_name_plural": "backup codes",
                "ordering": ["pk"],
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="SecondFactorDevice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=64)),
                ("confirmed", models.BooleanField(default=True)),
                (
                    "throttling_failure_timestamp",
                    models.DateTimeField(blank=True, default=None, null=True),
                ),
                ("throttling_failure_count", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(auto_now_add=True, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "cipher_id",
                    capital.models.columns.encrypted.CipherIdField(
                        default=uuid.uuid4,
                        editable=False,
                        unique=True,
                        verbose_name="encryption ID",
                    ),
                ),
                ("seed", capital.models.columns.encrypted.EncryptedTextField(verbose_name="key")),
                (
                    "drift",
                    models.SmallIntegerField(
                        default=0, editable=False, verbose_name="clock's deviation"
                    ),
                ),
                (
                    "last_t",
                    models.BigIntegerField(
                        default=-1, editable=False, verbose_name="time step of the last code"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name": "two-factor device",
                "verbose_name_plural": "two-factor devices",
                "ordering": ["pk"],
                "default_permissions": (),
            },
        ),
        # There is no way back: without its device, a user enrols with the password alone.
        migrations.RunPython(take_over, elidable=True),
    ]
