"""Mail, by Django's own: the server is a setting, an address is a person's."""

import smtplib

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.validators import validate_email

from capital.channels.contract import Address, Message, NotDelivered
from capital.domain.reasons import Code


def check(address: Address) -> None:
    """Refuse what is no e-mail address."""
    try:
        validate_email(address.text)
    except ValidationError:
        raise NotDelivered(Code.ADDRESS_INVALID, is_final=True) from None


def send(address: Address, message: Message) -> None:
    """Hand the message to the mail server that is set up.

    Raises:
        NotDelivered: There is none, it cannot be reached, or it refused the message.
    """
    if not settings.EMAIL_HOST:
        raise NotDelivered(Code.MAIL_NOT_SET_UP)
    # A line break in a subject is another header.
    title = " ".join(message.title.split())
    mail = EmailMessage(
        title, message.text, to=[address.text], connection=get_connection(fail_silently=False)
    )
    try:
        mail.send()
    except OSError as error:
        # smtplib's errors are OSErrors, too. Their texts name the address, or hold what was sent.
        raise _why(error) from None


def _why(error: OSError) -> NotDelivered:
    match error:
        case smtplib.SMTPResponseException():
            return NotDelivered(Code.CHANNEL_ANSWERED, status=str(error.smtp_code))
        case TimeoutError() | smtplib.SMTPServerDisconnected(__context__=TimeoutError()):
            return NotDelivered(Code.CHANNEL_TIMED_OUT, seconds=str(settings.EMAIL_TIMEOUT))
        case smtplib.SMTPServerDisconnected():
            return NotDelivered(Code.CHANNEL_UNREACHABLE)
        case smtplib.SMTPException():
            return NotDelivered(Code.MAIL_REFUSED)
    return NotDelivered(Code.CHANNEL_UNREACHABLE)
