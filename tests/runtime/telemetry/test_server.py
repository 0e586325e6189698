import http.client
import json
import socket
import struct
import threading
from types import SimpleNamespace

import pytest

from runtime.errors import StageError, UserError
from runtime.telemetry.metrics import Metrics
from runtime.telemetry.prometheus import CONTENT_TYPE
from runtime.telemetry.server import Monitor
from tests.runtime.sinks.conftest import wait_until
from tests.runtime.telemetry.test_metrics import measured

SINKS = {'mq"t\\t': {"sent": 7, "dropped": 2, "refused": 3, "queued": 1, "lost": 0}}


def get(port: int, path: str, method: str = "GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


@pytest.fixture
def monitor():
    before = threading.active_count()
    one = Monitor("127.0.0.1", 0)
    yield one
    one.close()
    one.close()
    wait_until(lambda: threading.active_count() <= before)


def test_metrics_over_http(monitor):
    monitor.watch(SimpleNamespace(metrics=measured(), error=None), lambda: SINKS)
    status, headers, text = get(monitor.port, "/metrics")
    assert status == 200
    assert headers["Content-Type"] == CONTENT_TYPE
    assert 'emotion_frames_total{source="door",stream="0"} 100.0\n' in text
    assert 'emotion_stage_seconds_bucket{le="0.05",stage="detect"} 50.0\n' in text
    status, headers, text = get(monitor.port, "/metrics", "HEAD")
    assert (status, text) == (200, "")
    assert int(headers["Content-Length"]) > 100
    assert get(monitor.port, "/other")[0] == 404
    assert get(monitor.port, "/metrics", "POST")[0] == 405


def test_health(monitor):
    def health() -> tuple[int, dict]:
        status, _, text = get(monitor.port, "/healthz")
        return status, json.loads(text)

    assert health() == (200, {"status": "starting", "last_result_age_s": None})
    metrics = Metrics()
    pipeline = SimpleNamespace(metrics=metrics, error=None)
    monitor.watch(pipeline)
    assert health() == (200, {"status": "starting", "last_result_age_s": None})
    metrics._last -= 11
    assert health() == (503, {"status": "stale", "last_result_age_s": None})
    metrics.result(0, 1.0)
    status, body = health()
    assert (status, body["status"]) == (200, "ok")
    assert 0 <= body["last_result_age_s"] < 10
    metrics._last -= 11
    status, body = health()
    assert (status, body["status"]) == (503, "stale")
    assert body["last_result_age_s"] > 10
    metrics.result(0, 1.0)
    pipeline.error = StageError("detect", 3, ValueError("x"))
    status, body = health()
    assert (status, body["status"]) == (503, "failed")


def test_a_client_that_says_nothing_holds_nothing_up(monitor):
    with socket.create_connection(("127.0.0.1", monitor.port)):
        assert get(monitor.port, "/healthz")[0] == 200
        monitor.close()


def test_a_client_that_goes_in_the_middle_is_no_traceback(monitor, capfd):
    with socket.create_connection(("127.0.0.1", monitor.port), 5) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(b"GET /metrics HTT")
    for _ in range(3):
        assert get(monitor.port, "/metrics")[0] == 200
    monitor.close()
    assert "Traceback" not in capfd.readouterr().err


def test_figures_that_can_t_be_had_leave_health_and_the_terminal_alone(monitor, capfd):
    def broken() -> dict:
        raise ValueError("broke")

    monitor.watch(SimpleNamespace(metrics=measured(), error=None), broken)
    with pytest.raises(http.client.HTTPException):
        get(monitor.port, "/metrics")
    assert get(monitor.port, "/healthz")[0] == 200
    assert "Traceback" not in capfd.readouterr().err


def test_many_ask_at_once(monitor):
    monitor.watch(SimpleNamespace(metrics=measured(), error=None))
    got: list[int] = []
    threads = [
        threading.Thread(target=lambda: got.append(get(monitor.port, "/metrics")[0]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [200] * 8


def test_a_port_in_use_is_one_line(monitor):
    with pytest.raises(UserError, match=f"--metrics_port {monitor.port}: .*in use"):
        Monitor("127.0.0.1", monitor.port)
    with pytest.raises(UserError, match="can't listen at"):
        Monitor("192.0.2.1", 0)
    with pytest.raises(UserError, match="can't listen at"):
        Monitor("a..b", 0)


def test_ipv6():
    try:
        one = Monitor("::1", 0)
    except UserError:
        pytest.skip("needs a machine with IPv6")
    with socket.create_connection(("::1", one.port)):
        one.close()
