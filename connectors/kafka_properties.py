"""Kafka's client properties by the names of the Python clients, secrets read; imports no Kafka client."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping

from headrace.connectors.secret import resolved
from headrace.errors import SettingsError

#: kafka-python takes the parts of this property as two options of its own.
JAAS = "sasl.jaas.config"
LOGIN = re.compile(r'(username|password)\s*=\s*"([^"]*)"')
#: Where kafka-python's name is not the property's with underscores.
RENAMED = {
    "ssl.truststore.location": "ssl_cafile",
    "ssl.ca.location": "ssl_cafile",
    "ssl.keystore.location": "ssl_certfile",
    "ssl.key.password": "ssl_password",
}
#: What librdkafka shares with Java, and where its name differs.
SECURITY = ("security.", "sasl.", "ssl.")
LIBRDKAFKA = {"ssl.truststore.location": "ssl.ca.location"}
#: Trust and key stores that only Java reads; silently connecting without them would be worse than refusing.
JAVA_STORES = (".jks", ".p12", ".pfx")


def python_names(properties: Mapping[str, str], known: Container[str]) -> dict[str, str]:
    """The properties that kafka-python has, by its names; others concern only Flink and are left out.

    Raises SettingsError for a secret that cannot be read, and for a Java key store: the Python client reads PEM files.

    >>> python_names({"security.protocol": "SASL_SSL", "fetch.min.bytes": "1"}, {"security_protocol"})
    {'security_protocol': 'SASL_SSL'}
    >>> jaas = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="p";'
    >>> python_names({"sasl.jaas.config": jaas}, {"sasl_plain_username", "sasl_plain_password"})
    {'sasl_plain_username': 'u', 'sasl_plain_password': 'p'}
    """
    values = resolved(properties)
    named = {RENAMED.get(name, name.replace(".", "_")): value for name, value in values.items() if name != JAAS}
    named |= {f"sasl_plain_{name}": value for name, value in LOGIN.findall(values.get(JAAS, ""))}
    _refuse_java_stores(named)
    return {name: value for name, value in named.items() if name in known}


def librdkafka_names(properties: Mapping[str, str]) -> dict[str, str]:
    """The properties about security, by librdkafka's names; others concern only Flink and are left out.

    Raises SettingsError for a secret that cannot be read, and for a Java key store: librdkafka reads PEM and PKCS#12.

    >>> librdkafka_names({"security.protocol": "SASL_SSL", "fetch.min.bytes": "1"})
    {'security.protocol': 'SASL_SSL'}
    """
    values = resolved(properties)
    own = {name: value for name, value in values.items() if name.startswith(SECURITY) and name != JAAS}
    own |= {f"sasl.{name}": value for name, value in LOGIN.findall(values.get(JAAS, ""))}
    named = {LIBRDKAFKA.get(name, name): value for name, value in own.items()}
    for name, value in named.items():
        if value.endswith(".jks"):
            msg = f"Kafka property {name}: expected a PEM or PKCS#12 file, found {value!r}, which only Java reads"
            raise SettingsError(msg)
    return named


def _refuse_java_stores(named: Mapping[str, str]) -> None:
    """Raise SettingsError for a store in a format of Java's."""
    for name in ("ssl_cafile", "ssl_certfile"):
        if named.get(name, "").endswith(JAVA_STORES):
            msg = f"Kafka property for {name}: expected a PEM file, found {named[name]!r}, which only Java reads"
            raise SettingsError(msg)
