"""The operator's TOML file as frozen, validated settings; the one place where every default stands.

`load` reads the whole file and either returns `Settings` or raises `ConfigError` that lists every mistake with file,
key, what was found and what is allowed. Nothing else reads the file, and no module keeps settings globally: they are
passed explicitly. Paths in the file are relative to the file.
"""

import difflib
import ipaddress
import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mailbot.config_types import (
    Address,
    DatabaseUrl,
    DurationValue,
    Elapsed,
    FilePath,
    Fingerprint,
    HostName,
    Line,
    MemberId,
    Network,
    Prefix,
    PublicAddress,
    SecretPath,
    Size,
    TimeZone,
)
from mailbot.duration import Duration
from mailbot.errors import ConfigError


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)


class Group(_Section):
    name: Line
    id_prefix: Prefix
    address: PublicAddress
    timezone: TimeZone = Field(default=ZoneInfo("UTC"))

    @property
    def local_part(self) -> str:
        return self.address.rsplit("@", 1)[0]

    @property
    def domain(self) -> str:
        return self.address.rsplit("@", 1)[1]

    def extended(self, extension: str) -> str:
        """The group's address with a ``+`` extension, such as ``security+42@example.org``."""
        return f"{self.local_part}+{extension}@{self.domain}"


class Listener(_Section):
    protocol: Literal["smtp", "lmtp"] = "smtp"
    host: Line = "127.0.0.1"
    port: int = Field(default=8025, ge=0, le=65535)
    socket: FilePath | None = None
    tls_certificate: SecretPath | None = None
    tls_key: SecretPath | None = None
    max_message_size: Size = 25_000_000
    trusted_authserv_ids: tuple[Line, ...] = Field(default=(), strict=False)
    intake_lists: tuple[Line, ...] = Field(default=(), strict=False)
    trusted_hosts: tuple[Network, ...] = Field(default=("127.0.0.1", "::1"), strict=False)
    max_recipients: int = Field(default=100, ge=1, le=10_000)
    max_connections: int = Field(default=200, ge=1, le=10_000)
    max_connections_per_client: int = Field(default=20, ge=1, le=10_000)
    max_line: int = Field(default=65_536, ge=998, le=10_000_000)
    max_received: int = Field(default=50, ge=10, le=1_000)
    idle_timeout: Elapsed = Duration.parse("60s")
    data_grace: Elapsed = Duration.parse("30s")
    min_data_rate: int = Field(default=500, ge=1, le=1_000_000)
    memory_budget: Size = 256_000_000
    processes: int = Field(default=1, ge=1, le=64)


class Delivery(_Section):
    host: Line = "127.0.0.1"
    port: int = Field(default=25, ge=1, le=65535)
    tls: Literal["none", "opportunistic", "required"] = "opportunistic"
    tls_ca_file: FilePath | None = None
    tls_name: HostName | None = None
    user_file: SecretPath | None = None
    password_file: SecretPath | None = None
    give_up_after: Elapsed = Duration.parse("5d")

    @property
    def local(self) -> bool:
        """The smarthost is on this machine, so that nobody stands between."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class Storage(_Section):
    database: DatabaseUrl
    seal_key_file: SecretPath


class OpenPGP(_Section):
    home: FilePath
    key: Fingerprint
    passphrase_file: SecretPath | None = None


class Commands(_Section):
    auth: Literal["signature", "confirm", "dmarc"] = "signature"
    max_age: Elapsed = Duration.parse("7d")
    canned: FilePath | None = None


class Relay(_Section):
    to: Literal["members", "list"] = "members"
    list_address: Address | None = None
    list_key: Fingerprint | None = None
    keyless: Literal["notice", "plain", "always", "nothing"] = "notice"
    encrypt: Literal["together", "each"] = "together"
    own_copies: bool = False


class Ack(_Section):
    per_sender: Elapsed = Duration.parse("1h")
    per_hour: int = Field(default=200, ge=0)


class Hold(_Section):
    spam_score: float = Field(default=10.0, strict=False)
    per_sender: int = Field(default=20, ge=1)


class EscalationStep(_Section):
    after: Elapsed = Duration.parse("0s")
    to: tuple[Address, ...] = Field(min_length=1, strict=False)


class Slo(_Section):
    first_response_remind: DurationValue = Duration.parse("24h")
    first_response_escalate: DurationValue = Duration.parse("48h")
    coordinator: DurationValue = Duration.parse("48h")
    silence: DurationValue = Duration.parse("5d")
    digest_hour: int = Field(default=8, ge=-1, le=23)
    regulatory: bool = False
    regulatory_contacts: tuple[Address, ...] = Field(default=(), strict=False)
    holidays: tuple[date, ...] = Field(default=(), strict=False)
    escalation: tuple[EscalationStep, ...] = Field(default=(), strict=False)


class Embargo(_Section):
    default: DurationValue = Duration.parse("90d")
    publish_after_fix: DurationValue = Duration.parse("98d")
    remind_before: tuple[Elapsed, ...] = Field(
        default=tuple(Duration.parse(text) for text in ("14d", "7d", "3d", "1d")), strict=False
    )
    lift_quorum: int = Field(default=3, ge=1)


class Verdicts(_Section):
    close_quorum: int = Field(default=2, ge=1)


class Disclosure(_Section):
    announce_to: tuple[Address, ...] = Field(default=(), strict=False)


class Membership(_Section):
    per_affiliation: int = Field(default=3, ge=1)


class Operators(_Section):
    addresses: tuple[Address, ...] = Field(default=(), strict=False)


class Metrics(_Section):
    host: Line = "127.0.0.1"
    port: int | None = Field(default=None, ge=0, le=65535)


class Member(_Section):
    id: MemberId
    name: Line
    email: Address
    fingerprint: Fingerprint | None = None
    affiliation: Line | None = None
    oncall: bool = False


class Settings(_Section):
    """Everything the operator decided. Immutable; a reload makes a new one."""

    group: Group
    listener: Listener = Listener()
    delivery: Delivery = Delivery()
    storage: Storage
    openpgp: OpenPGP
    commands: Commands = Commands()
    relay: Relay = Relay()
    ack: Ack = Ack()
    hold: Hold = Hold()
    slo: Slo = Slo()
    embargo: Embargo = Embargo()
    verdicts: Verdicts = Verdicts()
    disclosure: Disclosure = Disclosure()
    membership: Membership = Membership()
    operators: Operators = Operators()
    metrics: Metrics = Metrics()
    member: tuple[Member, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _contradictions(self) -> "Settings":
        seen: dict[str, int] = {}
        for number, member in enumerate(self.member):
            for what, value in (
                ("id", member.id),
                ("email", member.email.lower()),
                ("fingerprint", member.fingerprint),
            ):
                if value is not None and seen.setdefault(f"{what} {value}", number) != number:
                    raise ValueError(f'member.{what}: "{value}" stands twice; every member needs their own')
            if member.email.lower() == self.group.address.lower():
                raise ValueError(f'member.email: "{member.email}" is the group\'s own address: mail would loop')
        if self.relay.to == "list" and self.relay.list_address is None:
            raise ValueError('relay.list_address: missing, but relay.to is "list"')
        if self.relay.list_address is not None and self.relay.list_address.lower() == self.group.address.lower():
            raise ValueError(
                f'relay.list_address: "{self.relay.list_address}" is the group\'s own address: mail would loop'
            )
        self._contradictions_of_the_mail_servers()
        remind, escalate = self.slo.first_response_remind, self.slo.first_response_escalate
        # Business days and elapsed time cannot be compared without a date.
        comparable = bool(remind.business_days) == bool(escalate.business_days)
        if comparable and (remind.business_days, remind.seconds) >= (escalate.business_days, escalate.seconds):
            raise ValueError(
                f'slo.first_response_remind: "{remind}" is not before slo.first_response_escalate, "{escalate}"'
            )
        return self

    def _contradictions_of_the_mail_servers(self) -> None:
        listener, delivery = self.listener, self.delivery
        if (listener.tls_certificate is None) != (listener.tls_key is None):
            there, missing = ("tls_key", "tls_certificate") if listener.tls_key else ("tls_certificate", "tls_key")
            raise ValueError(f"listener.{missing}: missing, but listener.{there} is set; STARTTLS needs both")
        if (delivery.user_file is None) != (delivery.password_file is None):
            there, missing = ("user_file", "password_file") if delivery.user_file else ("password_file", "user_file")
            raise ValueError(f"delivery.{missing}: missing, but delivery.{there} is set; a login needs both")
        if delivery.tls != "required":
            for key, value in (("tls_ca_file", delivery.tls_ca_file), ("tls_name", delivery.tls_name)):
                if value is not None:
                    raise ValueError(
                        f'delivery.{key}: set, but delivery.tls is "{delivery.tls}", which checks no certificate; '
                        'allowed with "required" only'
                    )
            if delivery.password_file is not None and not delivery.local:
                raise ValueError(
                    f'delivery.password_file: set, but delivery.tls is "{delivery.tls}": whoever stands between could '
                    'take the password; allowed with "required" only, or with a smarthost on this machine'
                )

    def member_by_id(self, member_id: str) -> Member | None:
        return next((member for member in self.member if member.id == member_id), None)

    def member_by_address(self, address: str) -> Member | None:
        return next((member for member in self.member if member.email.lower() == address.lower()), None)

    def member_by_fingerprint(self, fingerprint: str) -> Member | None:
        return next((member for member in self.member if member.fingerprint == fingerprint), None)

    def issue_id(self, number: int) -> str:
        """The id people see, such as ``EX-42``."""
        return f"{self.group.id_prefix}-{number}"


def load(path: Path) -> Settings:
    """Read and check the config file.

    Raises `ConfigError` with one line per mistake: file, key, what was found, what is allowed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file. `mailbot init` makes one, or name yours with --config FILE") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}: not UTF-8 text (at line {line})") from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    try:
        return Settings.model_validate(data, context={"base": path.resolve().parent})
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(path, item) for item in _causes(error.errors()))) from None


def _causes(items: list[Any]) -> list[Any]:
    """Without "too short" about a list whose entries have mistakes of their own: those entries were not counted."""
    holders = {item["loc"][:-1] for item in items}
    return [item for item in items if item["type"] != "too_short" or item["loc"] not in holders]


def _explain(path: Path, item: Any) -> str:
    location = [part for part in item["loc"] if isinstance(part, str | int)]
    key = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    context = item.get("ctx", {})
    match item["type"]:
        case "extra_forbidden":
            known = _known_keys(location[:-1])
            close = difflib.get_close_matches(str(location[-1]), known, 1)
            hint = f'; did you mean "{close[0]}"?' if close else f"; allowed here: {', '.join(sorted(known))}"
            return f"{path}: {key}: unknown key{hint}"
        case "missing":
            return f"{path}: {key}: missing; it has no default"
        case "value_error" if not location:
            return f"{path}: {context['error']}"
        case "value_error":
            allowed = str(context["error"])
        case "literal_error":
            allowed = str(context["expected"]).replace("'", '"')
        case "bool_type" | "bool_parsing":
            allowed = "true or false"
        case "model_type" | "model_attributes_type":
            allowed = "a table"
        case "tuple_type" if isinstance(item["input"], dict):
            allowed = f"a list of tables; write [[{key}]], with two brackets"
        case "tuple_type":
            allowed = "a list [...]"
        case "date_type":
            allowed = "a date without quotes, such as 2026-12-25"
        case "int_type":
            allowed = "a whole number"
        case "float_type" | "float_parsing":
            allowed = "a number such as 10.0"
        case "too_short":
            allowed = f"at least {context['min_length']} entry"
        case _:
            allowed = item["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    return f"{path}: {key}: found {_shown(item['input'])}; allowed: {allowed}"


def _known_keys(location: list[str | int]) -> list[str]:
    model: Any = Settings
    for part in location:
        if isinstance(part, str):
            annotation = model.model_fields[part].annotation
            arguments = getattr(annotation, "__args__", ())
            model = arguments[0] if arguments else annotation
    return list(model.model_fields)


def _shown(value: object) -> str:
    text = "a table" if isinstance(value, dict) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
