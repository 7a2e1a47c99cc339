"""One set of settings, three libraries: they must agree."""

from __future__ import annotations

import ssl

import faust
import pytest

from stream import settings
from stream.kafka.security import aiokafka_options, faust_credentials, kafka_python_options, servers

SASL = {"kafka_username": "ada", "kafka_password": "engine", "kafka_sasl_mechanism": "PLAIN"}


def test_plaintext_asks_for_nothing() -> None:
    plain = settings.load(kafka_url="a:1, b")

    assert faust_credentials(plain) is None
    assert servers(plain) == ["a:1", "b:9092"]
    assert kafka_python_options(plain) == {
        "bootstrap_servers": ["a:1", "b:9092"],
        "security_protocol": "PLAINTEXT",
    }


def test_an_address_in_brackets_keeps_them() -> None:
    assert servers(settings.load(kafka_url="[::1]:9093,[::1]")) == ["[::1]:9093", "[::1]:9092"]


@pytest.mark.parametrize("over", ["plaintext", "tls"])
def test_the_same_user_in_all_three_forms(over: str) -> None:
    chosen = settings.load(kafka_security=f"sasl_{over}", **SASL)

    credentials = faust_credentials(chosen)
    assert isinstance(credentials, faust.SASLCredentials)
    assert (credentials.username, credentials.password) == ("ada", "engine")
    assert (credentials.ssl_context is not None) == (over == "tls")
    for options in (aiokafka_options(chosen), kafka_python_options(chosen)):
        assert options["security_protocol"] == f"SASL_{'SSL' if over == 'tls' else 'PLAINTEXT'}"
        assert options["sasl_mechanism"] == "PLAIN"
        assert options["sasl_plain_username"] == "ada"
        assert options["sasl_plain_password"] == "engine"


def test_tls_alone_checks_the_broker_s_name() -> None:
    secured = settings.load(kafka_security="tls")

    assert isinstance(faust_credentials(secured), faust.SSLCredentials)
    context = aiokafka_options(secured)["ssl_context"]
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
