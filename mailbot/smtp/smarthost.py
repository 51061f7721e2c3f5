"""Where the smarthost is, and how a session with it begins: connect, greeting, EHLO, STARTTLS as configured.

Out comes a client that is ready for mail, or a `SmarthostDown` whose text tells the operator what is wrong. TLS
"opportunistic" protects against listeners only, checks no certificate and falls back to clear (RFC 7435); "required"
checks the certificate against the system's authorities and sends nothing in clear, ever.
"""

import asyncio
import re
import socket
import ssl
from dataclasses import dataclass
from typing import Literal

import aiosmtplib
from aiosmtplib import SMTPException, SMTPHeloError, SMTPResponseException

from mailbot.smtp.replies import (
    CertificateRefused,
    SmarthostRefused,
    SmarthostUnreachable,
    Stage,
    TlsUnavailable,
    explained,
    quoted,
)

_NOTHING = 'delivery.tls is "required", so nothing was sent'


@dataclass(frozen=True, slots=True)
class Smarthost:
    host: str
    port: int
    tls: Literal["none", "opportunistic", "required"] = "opportunistic"
    helo: str = "localhost"
    """The name we give in EHLO (RFC 5321 4.1.1.1): `local_name()`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds. RFC 5321 4.5.3.2 allows minutes for each; a smarthost is close by, and a hung one must not hold a
    connection for long."""

    connect: float = 30.0
    """TCP, and then again the greeting."""
    command: float = 60.0
    """Each command, each block of the mail, the TLS handshake."""
    content: float = 300.0
    """The reply after the end of the mail: scanners work meanwhile, and giving up early sends the mail twice."""
    quit: float = 5.0
    slowest: int = 8192
    """Bytes a second below which a transfer is given up, however steadily it crawls."""


DEFAULT_LIMITS = Limits()


def local_name() -> str:
    """This machine's name for EHLO. May ask the DNS and block for it: call it once, at the start."""
    name = socket.gethostname()
    name = name if "." in name else socket.getfqdn()
    return name if re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", name) else "localhost"


async def open_session(smarthost: Smarthost, limits: Limits) -> aiosmtplib.SMTP:
    """A session in which MAIL may follow. Raises `SmarthostDown`."""
    client = await _dial(smarthost, limits)
    try:
        if smarthost.tls == "none" or await _secured(client, smarthost, limits):
            return client
    except BaseException:
        hang_up(client)
        raise
    hang_up(client)
    return await _dial(smarthost, limits)


def hang_up(client: aiosmtplib.SMTP) -> None:
    """Close at once, whatever is under way."""
    # Not client.close() alone: over TLS that waits for the peer's goodbye, and a hung one never says it.
    if isinstance(client.transport, asyncio.WriteTransport):
        client.transport.abort()
    client.close()


async def _dial(smarthost: Smarthost, limits: Limits) -> aiosmtplib.SMTP:
    """Connect and say EHLO, in clear."""
    client = aiosmtplib.SMTP(
        hostname=smarthost.host,
        port=smarthost.port,
        local_hostname=smarthost.helo,
        start_tls=False,
        use_tls=False,
        timeout=limits.command,
    )
    try:
        await client.connect(timeout=limits.connect)
    except SMTPResponseException as error:
        raise SmarthostRefused(quoted(Stage.CONNECT, error.code, error.message), error.code) from error
    except (SMTPException, OSError) as error:
        raise SmarthostUnreachable(explained(Stage.CONNECT, error)) from error
    try:
        await _hello(client)
    except BaseException:
        hang_up(client)
        raise
    return client


async def _hello(client: aiosmtplib.SMTP) -> None:
    try:
        try:
            await client.ehlo()
        except SMTPHeloError as error:
            # RFC 5321 4.1.4: a server without EHLO says so with a permanent error.
            if not 500 <= error.code <= 599 or not client.is_connected:
                raise
            await client.helo()
    except SMTPResponseException as error:
        raise SmarthostRefused(quoted(Stage.EHLO, error.code, error.message), error.code) from error
    except (SMTPException, OSError) as error:
        raise SmarthostUnreachable(explained(Stage.EHLO, error)) from error


async def _secured(client: aiosmtplib.SMTP, smarthost: Smarthost, limits: Limits) -> bool:
    """Start TLS if offered. False: it did not work, was not required, and a new connection must do without."""
    required = smarthost.tls == "required"
    if not client.supports_extension("starttls"):
        if required:
            raise TlsUnavailable(f"STARTTLS is not offered: {_NOTHING}")
        return True
    # Reading the system's authorities takes tens of milliseconds.
    context = await asyncio.to_thread(ssl.create_default_context) if required else _unverified()
    try:
        await client.starttls(tls_context=context, timeout=limits.command)
    except SMTPResponseException as error:
        if required:
            text = quoted(Stage.STARTTLS, error.code, error.message)
            raise TlsUnavailable(f"{text}: {_NOTHING}", error.code) from error
        # After a plain refusal the session goes on in clear.
        return 400 <= error.code <= 599 and error.code != 421 and client.is_connected
    except ssl.SSLCertVerificationError as error:
        text = f"the certificate of {smarthost.host} is not accepted ({error.verify_message}): {_NOTHING}"
        raise CertificateRefused(text) from error
    except (SMTPException, OSError) as error:
        if required:
            raise TlsUnavailable(f"{explained(Stage.STARTTLS, error)}: {_NOTHING}") from error
        return False
    await _hello(client)
    return True


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
