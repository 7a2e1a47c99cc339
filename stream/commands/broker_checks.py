"""The broker as the doctor sees it: there, with the topics, and with room for the records."""

from __future__ import annotations

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError

from stream.commands.finding import Finding, failed, ok
from stream.errors import InterestreamError
from stream.kafka.admin import Admin, Topic
from stream.kafka.security import kafka_python_options
from stream.kafka.topics import topic_plans
from stream.settings import Settings

MAX_BYTES = "max.message.bytes"
CREATE = "run `interestream topics create`"


def check_broker(settings: Settings) -> list[Finding]:
    """Blocks for a few seconds at most where nothing answers."""
    try:
        with Admin(settings) as admin:
            cluster, names = admin.cluster_id(), admin.topics()
            wanted = [plan.name for plan in topic_plans(settings)]
            topics = [admin.topic(name) for name in wanted if name in names]
    except InterestreamError as error:
        remedy = "start the broker, or set INTERESTREAM_KAFKA_URL and INTERESTREAM_KAFKA_SECURITY"
        return [failed("broker", error, remedy)]
    return [
        ok("broker", f"{settings.kafka_url} answers, cluster {cluster}"),
        _topics(settings, topics, wanted),
        _sizes(settings, topics),
    ]


def _topics(settings: Settings, topics: list[Topic], wanted: list[str]) -> Finding:
    partitions = {topic.name: topic.partitions for topic in topics}
    missing = [name for name in wanted if name not in partitions]
    if missing:
        return failed("topics", f"missing: {', '.join(missing)}", CREATE)
    signals, needed = settings.topic("signals"), settings.topic_partitions
    if partitions[signals] != needed:  # an item's signals go to hash(item) mod the setting
        return failed(
            "topics",
            f"{signals} has {partitions[signals]} partitions, INTERESTREAM_TOPIC_PARTITIONS is "
            f"{needed}",
            f"set INTERESTREAM_TOPIC_PARTITIONS to {partitions[signals]} in every worker, or make "
            "the topic again",
        )
    shown = ", ".join(f"{name} ({count})" for name, count in partitions.items())
    return ok("topics", f"all there, with partitions: {shown}")


def _sizes(settings: Settings, topics: list[Topic]) -> Finding:
    """Whether each topic takes the largest record that the settings allow."""
    needed = {plan.name: int(plan.configs[MAX_BYTES]) for plan in topic_plans(settings)}
    try:
        limits = _limits(settings, [topic.name for topic in topics])
    except KafkaError as error:
        return failed(
            "record sizes", f"the broker does not tell: {error}", "allow DescribeConfigs to us"
        )
    small = [
        f"{name} takes {limit} bytes, {needed[name]} are needed"
        for name, limit in limits.items()
        if limit < needed[name]
    ]
    if small:
        raised = f"raise {MAX_BYTES} of the topics (kafka-configs --alter), or lower "
        return failed("record sizes", "; ".join(small), raised + "INTERESTREAM_MAX_VALUE_BYTES")
    largest = max(limits.values(), default=0)
    return ok("record sizes", f"{len(limits)} topics take what is sent, up to {largest} bytes")


def _limits(settings: Settings, names: list[str]) -> dict[str, int]:
    """Largest record batch by topic, bytes."""
    timeout_ms = int(settings.kafka_timeout_s * 1000)
    client = KafkaAdminClient(request_timeout_ms=timeout_ms, **kafka_python_options(settings))
    try:
        # All of them, by name None: asked for one by its name the embedded broker hangs up.
        asked = [ConfigResource(ConfigResourceType.TOPIC, name, None) for name in names]
        answer = client.describe_configs(asked, config_filter="all") if asked else {}
        configs = answer.get("topic", {})
        return {name: int(configs[name][MAX_BYTES]["value"]) for name in configs}
    finally:
        client.close()
