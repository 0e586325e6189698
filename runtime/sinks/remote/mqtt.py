"""Results to an MQTT broker, through paho-mqtt."""

from __future__ import annotations

import secrets
import urllib.parse
from functools import partial
from typing import Any

from runtime.errors import UserError
from runtime.sinks.remote.address import read_address, warn_of_password
from runtime.sinks.remote.queue import TIMEOUT_S, SendError
from runtime.support.net.sockets import LimitedSocket, dial
from runtime.support.net.tls import Tls
from runtime.support.reasons import connection_reason

#: Most bytes that a broker may send us during one batch: four an acknowledgement.
_RECEIVE_BYTES = 256

#: What follows the two bytes of its head in the longest packet for us. Messages to
#: subscribers, which we never are, are longer, and paho would keep them.
_PACKET_BYTES = 2

#: Longest topic in UTF-8, in bytes.
_TOPIC_BYTES = 65535

#: Time between two signs of life, in seconds.
_KEEPALIVE_S = 30

_PORTS = {"mqtt": 1883, "mqtts": 8883}

_MISSING = "--mqtt needs paho-mqtt 2: pip install 'paho-mqtt>=2,<3'"

_FORM = "--mqtt must be mqtt(s)://[user:password@]host[:port]/topic"


class Mqtt:
    """Publishes messages at QoS 1: each is acknowledged by the broker, in time.

    A connection that failed is thrown away with what it held; the sink sends
    that again, so a message may come twice. MQTT 3.1.1, clean sessions.
    """

    kind = "mqtt"

    #: Messages on their way at a time, so that distance doesn't limit the rate.
    batch = 16

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        """Remembers where to; nothing is sent yet.

        Args:
            url: mqtt://[user:password@]host[:port]/topic; mqtts for TLS.
            timeout_s: Longest time of a batch, connection and acknowledgements
                included, in seconds.

        Raises:
            UserError: The URL makes no sense (the message doesn't repeat it),
                or paho-mqtt isn't installed.
        """
        address = read_address(url, _PORTS, _FORM)
        topic = urllib.parse.unquote(address.path[1:])
        if not topic or address.query:
            raise UserError(_FORM)
        if any(sign in topic for sign in "#+"):
            raise UserError("--mqtt: a topic to publish to has no '#' and no '+'")
        if not topic.isprintable() or len(topic.encode()) > _TOPIC_BYTES:
            raise UserError("--mqtt: a topic has at most 65535 bytes, all of them printable")
        try:
            import paho.mqtt.client as paho
        except ImportError as error:
            raise UserError(_MISSING) from error
        if not hasattr(paho, "CallbackAPIVersion"):
            raise UserError(_MISSING)
        warn_of_password(address)
        self._paho: Any = paho
        self._address = address
        self._tls = Tls().context() if address.scheme == "mqtts" else None
        self._timeout_s = timeout_s
        self._topic = topic
        self.name = f"{address.shown}/{topic}"
        self._client: Any = None
        self._refusal = ""

    def send(self, messages: list[bytes]) -> None:
        """See `Transport.send`."""
        try:
            client = self._connected()
            sent = [client.publish(self._topic, message, qos=1) for message in messages]
            # A broker may also acknowledge what it never read: that would pile up here.
            while client.want_write() or not all(info.is_published() for info in sent):
                self._turn(client, "doesn't acknowledge")
        except SendError:
            self.close()
            raise
        except Exception as error:  # what a broker sends may also break paho's parser
            self.close()
            raise SendError(connection_reason(error)) from error

    def idle(self) -> None:
        """Answers the broker's signs of life."""
        if self._client is None:
            return
        try:
            self._limit(self._client)
            good = self._client.loop(0) == self._paho.MQTT_ERR_SUCCESS
            good = good and not self._client.want_write()
        except Exception:
            good = False
        if not good:
            self.close()  # the next message connects again

    def close(self) -> None:
        """Takes leave of the broker."""
        client, self._client = self._client, None
        link = None if client is None else client.socket()
        if link is not None:
            try:
                client.disconnect()
                client.loop(0)
            except Exception:  # it is thrown away in any case
                pass
            link.close()

    def _connected(self) -> Any:
        """The connection, with its limits set anew; made now if there is none."""
        if self._client is not None:
            self._limit(self._client)
            return self._client
        paho = self._paho
        client = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id=secrets.token_hex(10),
            reconnect_on_failure=False,
        )
        client.on_connect = self._answered
        if self._address.user is not None:
            client.username_pw_set(self._address.user, self._address.password)
        self._refusal = ""
        host, port = self._address.host, self._address.port or _PORTS[self._address.scheme]
        # paho's own sockets have a limit for each step only, and obey proxies.
        client._create_socket = partial(
            dial,
            host,
            port,
            self._timeout_s,
            _RECEIVE_BYTES,
            at_once=_PACKET_BYTES,
            tls=self._tls,
        )
        self._client = client
        client.connect(host, port, _KEEPALIVE_S)
        while not client.is_connected():
            self._turn(client, "doesn't answer")
        return client

    def _limit(self, client: Any) -> None:
        link = client.socket()
        if not isinstance(link, LimitedSocket):
            raise SendError("the connection broke")
        link.limit(self._timeout_s, _RECEIVE_BYTES, _PACKET_BYTES)

    def _answered(self, _client: Any, _data: Any, _flags: Any, code: Any, _more: Any) -> None:
        if code.is_failure:
            self._refusal = f"refuses: {code}"

    def _turn(self, client: Any, lateness: str) -> None:
        """Moves bytes in and out for a moment."""
        link = client.socket()
        result = client.loop(0.1)
        if self._refusal:
            raise SendError(self._refusal)
        if result == self._paho.MQTT_ERR_PROTOCOL:
            raise SendError("doesn't speak MQTT 3.1.1")
        if result != self._paho.MQTT_ERR_SUCCESS:
            raise SendError("the connection broke")
        if link.left() < 0:
            raise SendError(f"{lateness} within {self._timeout_s:g} s")
