"""Results to an MQTT broker, through paho-mqtt."""

from __future__ import annotations

import ssl
import time
import urllib.parse
from typing import Any

from runtime.errors import UserError
from runtime.sinks.address import read_address
from runtime.sinks.remote import SendError, reason

#: Longest wait for a connection or the broker's acknowledgement, in seconds.
_TIMEOUT_S = 5.0

#: Time between two signs of life, in seconds.
_KEEPALIVE_S = 30

_PORTS = {"mqtt": 1883, "mqtts": 8883}

_FORM = "--mqtt must be mqtt(s)://[user:password@]host[:port]/topic"


class Mqtt:
    """Publishes messages at QoS 1: each is acknowledged by the broker.

    A connection that failed is thrown away with what it held; the sink sends
    that again, so a message may come twice. MQTT 3.1.1, clean sessions.
    """

    kind = "mqtt"

    #: Messages on their way at a time, so that distance doesn't limit the rate.
    batch = 16

    def __init__(self, url: str) -> None:
        """Remembers where to; nothing is sent yet.

        Args:
            url: mqtt://[user:password@]host[:port]/topic; mqtts for TLS.

        Raises:
            UserError: The URL makes no sense (the message doesn't repeat it),
                or paho-mqtt isn't installed.
        """
        address = read_address(url, _PORTS, _FORM)
        topic = urllib.parse.unquote(address.path[1:])
        if not topic or address.query:
            raise UserError(_FORM)
        if any(sign in topic for sign in "#+\0"):
            raise UserError("--mqtt: a topic to publish to has no '#' and no '+'")
        try:
            import paho.mqtt.client as paho
        except ImportError as error:
            raise UserError("--mqtt needs paho-mqtt: pip install -e '.[mqtt]'") from error
        if not hasattr(paho, "CallbackAPIVersion"):
            raise UserError("--mqtt needs paho-mqtt 2: pip install -e '.[mqtt]'")
        self._paho: Any = paho
        self._address = address
        self._topic = topic
        self.name = f"{address.shown}/{topic}"
        self._client: Any = None
        self._refusal = ""

    def send(self, messages: list[bytes]) -> None:
        """See `Transport.send`."""
        deadline = time.monotonic() + _TIMEOUT_S
        try:
            client = self._connected(deadline)
            sent = [client.publish(self._topic, message, qos=1) for message in messages]
            while not all(info.is_published() for info in sent):
                self._turn(client, deadline, "doesn't acknowledge")
        except SendError:
            self.close()
            raise
        except Exception as error:  # what a broker sends may also break paho's parser
            self.close()
            raise SendError(reason(error)) from error

    def idle(self) -> None:
        """Answers the broker's signs of life."""
        if self._client is None:
            return
        try:
            good = self._client.loop(0) == self._paho.MQTT_ERR_SUCCESS
        except Exception:
            good = False
        if not good:
            self.close()  # the next message connects again

    def close(self) -> None:
        """Takes leave of the broker."""
        client, self._client = self._client, None
        if client is not None:
            try:
                client.disconnect()
                client.loop(0)
            except Exception:  # it is thrown away in any case
                pass

    def _connected(self, deadline: float) -> Any:
        """The connection; made now if there is none."""
        if self._client is not None:
            return self._client
        paho = self._paho
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.connect_timeout = _TIMEOUT_S
        client.on_connect = self._answered
        if self._address.user is not None:
            client.username_pw_set(self._address.user, self._address.password)
        if self._address.scheme == "mqtts":
            client.tls_set_context(ssl.create_default_context())
        self._refusal = ""
        port = self._address.port or _PORTS[self._address.scheme]
        client.connect(self._address.host, port, _KEEPALIVE_S)
        self._client = client
        while not client.is_connected():
            self._turn(client, deadline, "doesn't answer")
        return client

    def _answered(self, _client: Any, _data: Any, _flags: Any, code: Any, _more: Any) -> None:
        if code.is_failure:
            self._refusal = f"refuses: {code}"

    def _turn(self, client: Any, deadline: float, late: str) -> None:
        """Moves bytes in and out for a moment."""
        result = client.loop(0.1)
        if self._refusal:
            raise SendError(self._refusal)
        if result != self._paho.MQTT_ERR_SUCCESS:
            raise SendError("closed the connection")
        if time.monotonic() > deadline:
            raise SendError(f"{late} within {_TIMEOUT_S:.0f} s")
