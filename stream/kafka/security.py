"""The same credentials in the three forms that Faust, aiokafka and kafka-python want."""

from __future__ import annotations

import re
import ssl
from typing import Any

import faust

from stream.settings import Settings

DEFAULT_PORT = 9092
PROTOCOLS = {
    "plaintext": "PLAINTEXT",
    "tls": "SSL",
    "sasl_plaintext": "SASL_PLAINTEXT",
    "sasl_tls": "SASL_SSL",
}


def servers(settings: Settings) -> list[str]:
    """The bootstrap servers, each as `host:port`."""
    given = [server.strip() for server in settings.kafka_url.split(",")]
    return [x if re.search(r":\d+$", x) else f"{x}:{DEFAULT_PORT}" for x in given]


def faust_credentials(settings: Settings) -> faust.SASLCredentials | faust.SSLCredentials | None:
    """`broker_credentials` of a Faust app; None where the broker asks for none."""
    context = _tls(settings)
    if settings.kafka_security.startswith("sasl"):
        return faust.SASLCredentials(
            mechanism=settings.kafka_sasl_mechanism,
            username=settings.kafka_username,
            password=_password(settings),
            ssl_context=context,
        )
    return faust.SSLCredentials(context=context) if context else None


def aiokafka_options(settings: Settings) -> dict[str, Any]:
    """Where and how an aiokafka client connects."""
    return {**_common(settings), "ssl_context": _tls(settings)}


def kafka_python_options(settings: Settings) -> dict[str, Any]:
    """Where and how a kafka-python client connects."""
    options = _common(settings)
    if settings.kafka_ca_file:
        options["ssl_cafile"] = str(settings.kafka_ca_file)
    return options


def _common(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "bootstrap_servers": servers(settings),
        "security_protocol": PROTOCOLS[settings.kafka_security],
    }
    if settings.kafka_security.startswith("sasl"):
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": _password(settings),
        }
    return options


def _password(settings: Settings) -> str | None:
    return settings.kafka_password.get_secret_value() if settings.kafka_password else None


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if not settings.kafka_security.endswith("tls"):
        return None
    return ssl.create_default_context(cafile=settings.kafka_ca_file)
