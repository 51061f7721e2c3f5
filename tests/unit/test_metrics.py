"""The port for monitoring."""

import json
import logging
import socket
import urllib.error
import urllib.request
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from mailbot.metrics import Metrics
from mailbot.roles import open_metrics
from mailbot.service.health import Vitals
from tests.world import HEALTHY


def get(metrics: Metrics, path: str) -> tuple[int, str, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics.port}{path}", timeout=10) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def test_it_answers_prometheus_and_everybody_else() -> None:
    state = [HEALTHY]
    metrics = Metrics("127.0.0.1", 0, lambda: state[0])
    try:
        status, kind, text = get(metrics, "/metrics")
        assert (status, kind) == (200, "text/plain; version=0.0.4")
        assert "mailbot_unsent_mails 0\n" in text
        status, kind, text = get(metrics, "/health")
        assert (status, kind) == (200, "application/json")
        assert json.loads(text)["healthy"] is True
        state[0] = replace(HEALTHY, unhandled=1, unhandled_age=1000.0)
        status, _, text = get(metrics, "/health")
        assert status == 503
        assert json.loads(text)["problems"][0]["grave"] is True
        assert get(metrics, "/etc/passwd")[0] == 404
    finally:
        metrics.close()


def test_a_database_that_is_gone_is_an_answer_without_detail(caplog: pytest.LogCaptureFixture) -> None:
    def gone() -> Vitals:
        raise RuntimeError("a secret path")

    metrics = Metrics("127.0.0.1", 0, gone)
    try:
        status, _, text = get(metrics, "/health")
        assert status == 500
        assert "secret" not in text + caplog.text
    finally:
        metrics.close()


def test_a_port_that_is_taken_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    watch: Any = SimpleNamespace(vitals=None)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings: Any = SimpleNamespace(metrics=SimpleNamespace(host="127.0.0.1", port=port))
        with caplog.at_level(logging.ERROR, "mailbot"):
            assert open_metrics(settings, watch) is None
    assert f"monitoring cannot listen on 127.0.0.1 port {port}: Address already in use" in caplog.text
