"""The arguments of MAIL and RCPT: a path and parameters (RFC 5321 4.1.2).

Lenient where leniency loses nothing: brackets may be missing, a source route is dropped (RFC 5321 C), and a parameter
that we never offered is left to the caller to ignore. Linear time: all repetition is possessive.
"""

import re
from dataclasses import dataclass, field

_PATH = re.compile(
    r"""\s*+(?:
        < (?P<path> (?: "(?:\\.|[^"\\])*+" | [^<>"] )*+ ) >  # as the RFC has it; quotes may hold anything
      | (?P<bare> [^\s<>]++ )                                # without brackets, as people write it
    )
    (?: \s++ (?P<parameters> .*+ ) )?+ \s*+""",
    re.VERBOSE,
)
_ROUTE = re.compile(r"@[^:]*+:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Argument:
    """`path` is without brackets, "" for the null path. `parameters` have their names in upper case."""

    path: str
    parameters: dict[str, str] = field(default_factory=dict)


def parse(argument: str, keyword: str) -> Argument | None:
    """Read what stands behind MAIL or RCPT, `keyword` being ``FROM:`` or ``TO:``; None if it is no such thing."""
    if argument[: len(keyword)].upper() != keyword or _CONTROL.search(argument):
        return None
    match = _PATH.fullmatch(argument, len(keyword))
    if match is None:
        return None
    path = (match["path"] or match["bare"] or "").strip()
    if route := _ROUTE.match(path):
        path = path[route.end() :]
    parameters = {}
    for parameter in (match["parameters"] or "").split():
        name, _, value = parameter.partition("=")
        parameters[name.upper()] = value
    return Argument(path, parameters)
