"""Logging in to the smarthost (RFC 4954), with a user and a password that stand in files.

The files are read for every new connection, so that a changed password counts without a restart. Whether the password
may be sent at all is the config's decision: only over TLS with a checked certificate, or to this machine.
"""

import asyncio
from pathlib import Path

import aiosmtplib
from aiosmtplib import SMTPAuthenticationError, SMTPException

from mailbot.smtp.replies import LoginRefused, LoginUnavailable, SmarthostUnreachable, Stage, explained, quoted

_LARGEST = 4096
"""Bytes of a user name or a password; the SMTP line that carries it is not longer (RFC 4954 4)."""
_OTHERS = 0o007


class Secret:
    """One line in a file."""

    def __init__(self, key: str, path: Path, *, secret: bool) -> None:
        """`key` is that of the config, for error texts; `secret`: nobody else on the machine may read the file."""
        self._key = key
        self._path = path
        self._secret = secret

    def read(self) -> str:
        """The file's text without the line end. Raises `ValueError` that says key, file and cause, never the text."""
        try:
            if self._secret and self._path.stat().st_mode & _OTHERS:
                raise ValueError(f"{self._path}: {self._key}: every user may read it; mend: chmod o= {self._path}")
            with self._path.open("rb") as file:
                text = file.read(_LARGEST + 1).decode().removesuffix("\n").removesuffix("\r")
        except OSError as error:
            raise ValueError(f"{self._path}: {self._key}: cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ValueError(f"{self._path}: {self._key}: not UTF-8 text") from None
        if not text or len(text.encode()) > _LARGEST or not text.isprintable():
            raise ValueError(f"{self._path}: {self._key}: allowed: one line of text, at most {_LARGEST} bytes")
        return text


class Login:
    def __init__(self, user_file: Path, password_file: Path) -> None:
        self._user = Secret("delivery.user_file", user_file, secret=False)
        self._password = Secret("delivery.password_file", password_file, secret=True)

    def read(self) -> tuple[str, str]:
        """User and password. Raises `ValueError` that says what is wrong with a file."""
        return self._user.read(), self._password.read()

    async def log_in(self, client: aiosmtplib.SMTP, seconds: float) -> None:
        """Log in, with one method and one try, because servers lock accounts; `seconds` for each step. Raises
        `SmarthostDown`."""
        try:
            user, password = await asyncio.to_thread(self.read)
        except ValueError as error:
            raise LoginUnavailable(f"{error}: nothing was sent") from None
        offered = client.supported_auth_methods
        # PLAIN needs one round trip and is what every server tests; the connection is protected, or local.
        methods = {"plain": client.auth_plain, "login": client.auth_login, "cram-md5": client.auth_crammd5}
        method = next((call for name, call in methods.items() if name in offered), None)
        if method is None:
            text = "AUTH with PLAIN, LOGIN or CRAM-MD5 is not offered, but delivery.password_file is set"
            raise LoginUnavailable(f"{text}: nothing was sent")
        try:
            await method(user, password, timeout=seconds)
        except SMTPAuthenticationError as error:
            raise LoginRefused(quoted(Stage.AUTH, error.code, error.message), error.code) from None
        except (SMTPException, OSError) as error:
            raise SmarthostUnreachable(explained(Stage.AUTH, error)) from None
