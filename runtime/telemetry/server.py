"""Metrics and health over HTTP, for Prometheus and for whoever restarts us."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from runtime.errors import UserError
from runtime.support.net.http_server import REQUEST_S, LimitedServer
from runtime.support.threads import background
from runtime.telemetry.metrics import Metrics
from runtime.telemetry.prometheus import CONTENT_TYPE, SinkCounts, exposition

if TYPE_CHECKING:
    from runtime.pipeline.pipeline import Pipeline

log = logging.getLogger(__name__)

#: Without a result for so long, in seconds, something is wrong.
STALE_S = 10.0


class Monitor:
    """Answers GET /metrics and GET /healthz from a thread, until closed."""

    def __init__(
        self, host: str, port: int, stale_s: float = STALE_S, request_s: float = REQUEST_S
    ) -> None:
        """Takes the port and starts to answer.

        Args:
            host: Address to listen at; 127.0.0.1 is this machine only.
            port: 0 takes a free one.
            stale_s: Age of the latest result at which health ends, in seconds.
            request_s: Longest time of a client's request and its answer, in seconds.

        Raises:
            UserError: The port is taken or not for us, or the address not ours.
        """
        self._stale_s = stale_s
        self._pipeline: Pipeline | None = None
        self._sinks: Callable[[], SinkCounts] = dict
        answers = {"/metrics": self._metrics, "/healthz": self._health}
        try:
            self._server: LimitedServer | None = LimitedServer(host, port, answers, request_s)
        except (OSError, UnicodeError) as error:  # the latter of an odd host
            reason = getattr(error, "strerror", None) or error
            raise UserError(f"--metrics_port {port}: can't listen at {host} ({reason})") from error
        #: Port that it listens at.
        self.port: int = self._server.server_address[1]
        serve = self._server.serve_forever
        self._thread = background("monitor", lambda: serve(poll_interval=0.1))
        shown = f"[{host}]" if ":" in host else host
        log.info("metrics: http://%s:%d/metrics and /healthz", shown, self.port)

    def watch(self, pipeline: Pipeline, sinks: Callable[[], SinkCounts] = dict) -> None:
        """What to tell of; until then it says `starting`.

        Args:
            pipeline: Runs, or will.
            sinks: Gives the counts of each sink that may drop, by name.
        """
        self._pipeline, self._sinks = pipeline, sinks

    def close(self) -> None:
        """Gives the port back; a second call does nothing."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()
            self._thread.join(5)

    def _metrics(self) -> tuple[int, str, str]:
        metrics = Metrics() if self._pipeline is None else self._pipeline.metrics
        return 200, CONTENT_TYPE, exposition(metrics, self._sinks)

    def _health(self) -> tuple[int, str, str]:
        status, age = "starting", None
        if self._pipeline is not None:
            since, any_yet = self._pipeline.metrics.last_result()
            age = round(since, 3) if any_yet else None
            if self._pipeline.error is not None:
                status = "failed"
            elif since > self._stale_s:
                status = "stale"
            elif any_yet:
                status = "ok"
        code = 200 if status in ("ok", "starting") else 503
        text = json.dumps({"status": status, "last_result_age_s": age})
        return code, "application/json", text + "\n"
