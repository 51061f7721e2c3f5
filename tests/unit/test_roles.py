"""What the role processes do when the work they were given goes wrong."""

import threading
from collections.abc import Callable

import pytest

from mailbot import roles


def failing(errors: list[Exception], stop: threading.Event) -> Callable[[], bool]:
    def call() -> bool:
        if errors:
            raise errors.pop(0)
        stop.set()
        return False

    return call


@pytest.mark.parametrize("error", [OverflowError("a bug"), MemoryError(), RuntimeError("database disk image")])
def test_no_error_ends_a_worker_thread(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(roles, "LOOK_ANYWAY_SECONDS", 0.01)
    stop = threading.Event()
    with caplog.at_level("ERROR", "mailbot"):
        roles.keep_working(failing([error, error], stop), lambda: True, stop)
    assert stop.is_set()
    assert [record.getMessage() for record in caplog.records] == [f"worker: {type(error).__name__}"] * 2
