"""Times as people read them in our mail: absolute, in UTC, with the weekday, and what is left."""

from datetime import UTC, datetime, timedelta

# Not strftime: its names change with the locale of the process.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

NOW_SECONDS = 2.0
"""As late as a clock may fire without being called late."""


def when(moment: datetime) -> str:
    """An aware time as ``Thu 26 Nov 2026 14:47 UTC``."""
    utc = moment.astimezone(UTC)
    return f"{_DAYS[utc.weekday()]} {utc.day} {_MONTHS[utc.month - 1]} {utc.year} {utc:%H:%M} UTC"


def span(length: timedelta) -> str:
    """How long something takes, to the nearest unit: ``20 s``, ``45 min``, ``24 h`` (up to three days), ``5 days``."""
    seconds = abs(length.total_seconds())
    if seconds < 90:
        return f"{round(seconds)} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    if seconds < 72.5 * 3600:
        return f"{round(seconds / 3600)} h"
    return f"{round(seconds / 86400)} days"


def left(moment: datetime, now: datetime) -> str:
    """What is left until `moment`: ``in 23 h``, ``now``, or ``3 h ago``."""
    if abs((moment - now).total_seconds()) < NOW_SECONDS:
        return "now"
    return f"in {span(moment - now)}" if moment > now else f"{span(moment - now)} ago"
