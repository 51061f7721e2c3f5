"""How much of the machine the outside world may use, and the memory that all mail in flight shares.

`Limits` holds what the operator can set; the constants are bounds that no operator needs to change.
"""

import ipaddress
from dataclasses import dataclass

from mailbot.errors import ConfigError

COMMAND_LINE = 2_048
"""Bytes in a command line. RFC 5321 4.5.3.1.4 asks for 512, and the extensions add to it: SIZE 26, BODY 17,
SMTPUTF8 10 and, for DSN and AUTH parameters that are sent unasked, 1,000 more."""
ENDLESS_LINE = 65_536
"""Bytes without a line end after which a command line is taken for an attack and the connection is closed."""
ERRORS = 20
"""Rejected commands without one mail taken in between, as Postfix' smtpd_hard_error_limit."""
IDLE_COMMANDS = 100
"""Commands that lead nowhere (NOOP, RSET, VRFY ...) without one mail taken, as smtpd_junk_command_limit."""
COMMANDS = 10_000
"""All commands without one mail taken. A client may name 5,000 recipients and hear of each that it is too many."""
CHUNK = 1 << 20
"""Bytes per read of DATA: more than the reader ever buffers, so that a read empties it and the rest can be put back."""
DATA_WINDOWS = 3
"""Windows of the DATA rate per grace time: 10 seconds each, longer than a few lost packets take."""
TURN = 50
"""Pipelined commands answered in one go before other connections get their turn (about a millisecond)."""
DRAIN = 2
"""Refused data is read to its end, so that the client hears why, up to this many times the permitted size. Dot-stuffing
makes a mail at most 4/3 as long."""
EVICTABLE = 5.0
"""Seconds a connection must have been idle, with no mail begun, before a new one may take its place when all are in
use. Mail systems that keep connections for the next mail close them after 2 seconds (smtp_connection_cache_time_limit)
or find them closed and open another."""


@dataclass(frozen=True)
class Limits:
    """`idle` and `data_grace` are seconds, sizes are bytes. Raises `ConfigError` for a trusted host that is no address
    or network."""

    max_size: int = 25_000_000
    """A mail without dot-stuffing and end mark, as SIZE counts (RFC 1870 5)."""
    recipients: int = 100
    """RFC 5321 4.5.3.1.8 asks for at least 100."""
    connections: int = 200
    per_client: int = 20
    """Of one IPv4 address or IPv6 /64, unless it is in `trusted_hosts`."""
    idle: float = 60.0
    data_grace: float = 30.0
    """How long DATA may come as slowly as it likes; afterwards every third of this time must bring its share of
    `data_rate`. A mean over the whole mail would let one that came fast at first hold its connection for hours."""
    data_rate: int = 500
    """Bytes a second."""
    line: int = 65_536
    """Bytes before a CRLF. RFC 5322 2.1.1 allows 998, and generated mail often has more."""
    received: int = 50
    """``Received`` lines; a mail with more is in a loop (RFC 5321 6.3)."""
    memory_budget: int = 256_000_000
    """Mail in flight over all connections of this process: what is being received or waits to be stored."""
    trusted_hosts: tuple[str, ...] = ("127.0.0.1", "::1")

    def __post_init__(self) -> None:
        for host in self.trusted_hosts:
            try:
                ipaddress.ip_network(host, strict=False)
            except ValueError:
                raise ConfigError(
                    f'listener.trusted_hosts: found "{host}"; allowed: IP addresses and networks'
                ) from None

    def trusts(self, client: str) -> bool:
        """Whether `client` (an address, or ``unix``: whoever may open the socket file) is one of the trusted hosts."""
        address = _address(client)
        if address is None:
            return True
        networks = (ipaddress.ip_network(host, strict=False) for host in self.trusted_hosts)
        return any(address in network for network in networks)


def _address(client: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def client_key(client: str) -> str:
    """What counts as one client: an IPv4 address, or a /64, which is what one IPv6 host usually has for itself."""
    address = _address(client)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address or client)


class Budget:
    """Bytes of mail that all connections together hold in memory."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.used = 0

    def has(self, amount: int) -> bool:
        return self.used + amount <= self.size

    def take(self, amount: int) -> bool:
        """Take `amount` bytes, or nothing and False if they are not left."""
        if not self.has(amount):
            return False
        self.used += amount
        return True

    def give_back(self, amount: int) -> None:
        self.used -= amount
