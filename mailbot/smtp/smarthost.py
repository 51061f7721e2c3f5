"""Where the smarthost is, and how a session with it begins: connect, greeting, EHLO, STARTTLS and login as configured.

Out comes a client that is ready for mail, or a `SmarthostDown` whose text tells the operator what is wrong. TLS
"opportunistic" protects against listeners only, checks no certificate and falls back to clear (RFC 7435); "required"
checks the certificate against the system's authorities, or those of a file, and sends nothing in clear, ever.
"""

import asyncio
import re
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import aiosmtplib
from aiosmtplib import SMTPException, SMTPHeloError, SMTPResponseException

from mailbot.smtp.login import Login
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
    ca_file: Path | None = None
    """The authorities that count for "required", in PEM; None for the system's."""
    tls_name: str | None = None
    """The name that the certificate must hold; None for `host`."""
    login: Login | None = None


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
        if not await _secured(client, smarthost, limits):
            hang_up(client)
            client = await _dial(smarthost, limits)
        if smarthost.login is not None:
            await smarthost.login.log_in(client, limits.command)
    except BaseException:
        hang_up(client)
        raise
    return client


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
    if smarthost.tls == "none":
        return True
    required = smarthost.tls == "required"
    if not client.supports_extension("starttls"):
        if required:
            raise TlsUnavailable(f"STARTTLS is not offered: {_NOTHING}")
        return True
    context = await _context(smarthost)
    try:
        await client.starttls(tls_context=context, server_hostname=smarthost.tls_name, timeout=limits.command)
    except SMTPResponseException as error:
        if required:
            text = quoted(Stage.STARTTLS, error.code, error.message)
            raise TlsUnavailable(f"{text}: {_NOTHING}", error.code) from error
        # After a plain refusal the session goes on in clear.
        return 400 <= error.code <= 599 and error.code != 421 and client.is_connected
    except ssl.SSLCertVerificationError as error:
        name = smarthost.tls_name or smarthost.host
        text = f"the certificate of {name} is not accepted ({error.verify_message}): {_NOTHING}"
        raise CertificateRefused(text) from error
    except (SMTPException, OSError) as error:
        if required:
            raise TlsUnavailable(f"{explained(Stage.STARTTLS, error)}: {_NOTHING}") from error
        return False
    await _hello(client)
    return True


async def _context(smarthost: Smarthost) -> ssl.SSLContext:
    """Raises `TlsUnavailable` if the file with the authorities cannot be used."""
    if smarthost.tls != "required":
        return _unverified()
    try:
        # Reading the system's authorities takes tens of milliseconds.
        return await asyncio.to_thread(checking, smarthost.ca_file)
    except ValueError as error:
        raise TlsUnavailable(f"{error}: {_NOTHING}") from None


def checking(ca_file: Path | None) -> ssl.SSLContext:
    """TLS that checks certificates against the authorities of a file, or the system's.

    Raises `ValueError` that says what is wrong with the file.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        cause = "no certificate in PEM" if isinstance(error, ssl.SSLError) else error.strerror
        raise ValueError(f"{ca_file}: delivery.tls_ca_file: cannot be used: {cause}") from None


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
