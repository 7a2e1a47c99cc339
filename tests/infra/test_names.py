"""Settings, ports, paths, topics and versions in infra/ are those of the code."""

from __future__ import annotations

import re
import tomllib
import xml.etree.ElementTree as ET
from collections import defaultdict
from typing import Any

import aiohttp
import pytest

from stream.kafka.topics import topic_plans
from stream.settings import Settings, load
from stream.web.api import Api
from stream.web.health import Health
from stream.web.metrics import Metrics
from stream.web.server import WebServer
from tests.infra import files
from tests.infra.files import BASE, DOCKERFILES, INFRA, ROOT

IMAGES = (
    *("interestream", "python", "apache/kafka", "qdrant/qdrant"),
    *("prom/prometheus", "grafana/grafana"),
)
VARIANTS = ("-gpu", "-unprivileged")


def worker_env() -> dict[str, Any]:
    found: dict[str, Any] = files.compose()["services"]["worker"]["environment"]
    return found


def cluster() -> Settings:
    """The settings on a cluster."""
    return load(**files.settings_of(files.dotenv(BASE / "settings.env")))


@pytest.mark.parametrize("path", files.texts(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_setting_that_is_named_exists(path: Any) -> None:
    named = set(re.findall(r"\bINTERESTREAM_([A-Z0-9_]*[A-Z0-9])", files.texts()[path]))
    assert {name.lower() for name in named} <= Settings.model_fields.keys()


def test_the_settings_of_compose_are_valid() -> None:
    settings = load(**files.settings_of(worker_env()))

    services = files.compose()["services"]
    assert settings.kafka_url == "kafka:9092"
    assert (
        f"PLAINTEXT://{settings.kafka_url}"
        == (services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"])
    )
    store = services["qdrant"]["environment"]
    assert settings.qdrant_url == f"http://qdrant:{store['QDRANT__SERVICE__HTTP_PORT']}"
    assert str(settings.qdrant_grpc_port) == store["QDRANT__SERVICE__GRPC_PORT"]
    assert settings.qdrant_api_key is not None
    assert settings.qdrant_api_key.get_secret_value() == store["QDRANT__SERVICE__API_KEY"]


def test_copies_in_compose_are_no_more_than_there_are_partitions() -> None:
    worker = files.compose()["services"]["worker"]
    (published,) = worker["ports"]
    first, last = map(int, re.fullmatch(r"127\.0\.0\.1:(\d+)-(\d+):\d+", published).groups())  # type: ignore[union-attr]

    most = load(**files.settings_of(worker["environment"])).topic_partitions
    assert worker["deploy"]["replicas"] <= last - first + 1 <= most


def test_all_services_of_ours_have_the_same_settings() -> None:
    services = files.compose()["services"]
    assert all(services[name]["environment"] == worker_env() for name in ("topics", "demo"))


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_the_settings_of_an_image_are_valid(dockerfile: Any) -> None:
    settings = load(**files.settings_of(files.environment(dockerfile)))

    assert settings.web_bind == "0.0.0.0", "nobody could ask for its health"
    assert settings.encoder_provider == ("cuda" if dockerfile.suffix == ".gpu" else "cpu")


def test_the_port_of_health_metrics_and_reads_is_the_default_one() -> None:
    port = Settings.model_fields["web_port"].default
    found: dict[str, object] = {}
    for path in DOCKERFILES:
        health = next(step for step in files.steps(path) if step.name == "HEALTHCHECK")
        found[f"{path.name} EXPOSE"] = next(
            int(step.text) for step in files.steps(path) if step.name == "EXPOSE"
        )
        found[f"{path.name} HEALTHCHECK"] = _number(r"WEB_PORT', '(\d+)'", health.text)
    worker = files.compose()["services"]["worker"]
    found["compose expose"] = int(worker["expose"][0])
    found["compose ports"] = int(worker["ports"][0].rpartition(":")[2])
    scrapes = (INFRA / "prometheus" / "prometheus.yaml").read_text()
    found["prometheus"] = _number(r"port: (\d+)", scrapes)
    objects = files.manifests()
    template = objects["Deployment"]["spec"]["template"]
    found["container"] = template["spec"]["containers"][0]["ports"][0]["containerPort"]
    found["annotation"] = int(template["metadata"]["annotations"]["prometheus.io/port"])
    found["service"] = objects["Service"]["spec"]["ports"][0]["port"]
    found["network"] = objects["NetworkPolicy"]["spec"]["ingress"][0]["ports"][0]["port"]

    assert found == dict.fromkeys(found, port)


async def test_every_path_that_is_asked_for_is_served() -> None:
    template = files.manifests()["Deployment"]["spec"]["template"]
    container = template["spec"]["containers"][0]
    health = {
        re.search(r"(/\w+)' %", step.text)[1]  # type: ignore[index]
        for path in DOCKERFILES
        for step in files.steps(path)
        if step.name == "HEALTHCHECK"
    }
    live = container["livenessProbe"]["httpGet"]["path"]
    ready = container["readinessProbe"]["httpGet"]["path"]
    scraped = template["metadata"]["annotations"]["prometheus.io/path"]

    assert health == {live}
    # What has not started yet is alive and not ready.
    assert await _asked(live, ready, scraped) == [200, 503, 200]


async def _asked(*paths: str) -> list[int]:
    server = WebServer(Health(), Metrics(), Api(at_once=1), bind="127.0.0.1", port=0)
    await server.start()
    try:
        async with aiohttp.ClientSession(server.url) as session:
            return [(await session.get(path)).status for path in paths]
    finally:
        await server.stop()


def test_scaling_looks_at_inputs_of_the_service_and_its_group() -> None:
    settings = cluster()
    scaled = files.manifests()["ScaledObject"]["spec"]
    asked = [trigger["metadata"] for trigger in scaled["triggers"]]

    assert {each["topic"] for each in asked} == {settings.topic("events"), settings.topic("items")}
    assert {each["topic"] for each in asked} <= {plan.name for plan in topic_plans(settings)}
    assert {each["consumerGroup"] for each in asked} == {settings.namespace}
    assert {each["bootstrapServersFromEnv"] for each in asked} == {"INTERESTREAM_KAFKA_URL"}
    assert scaled["maxReplicaCount"] == settings.topic_partitions
    assert 2 <= scaled["minReplicaCount"] <= scaled["maxReplicaCount"]


def test_scaling_does_not_begin_at_what_a_worker_has_in_hand() -> None:
    lags = [
        int(trigger["metadata"]["lagThreshold"])
        for trigger in files.manifests()["ScaledObject"]["spec"]["triggers"]
    ]
    assert min(lags) >= 2 * cluster().chunk_records


def test_a_worker_on_a_cluster_may_reach_its_broker_and_its_store() -> None:
    settings = cluster()
    allowed = {
        (peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"], port["port"])
        for rule in files.manifests()["NetworkPolicy"]["spec"]["egress"]
        for peer in rule["to"]
        for port in rule["ports"]
    }

    host, port = settings.kafka_url.split(":")
    assert (host.split(".")[1], int(port)) in allowed
    host, port = settings.qdrant_url.removeprefix("http://").split(":")
    assert (host.split(".")[1], int(port)) in allowed
    assert (host.split(".")[1], settings.qdrant_grpc_port) in allowed


def test_a_worker_has_time_to_finish_what_it_has_in_hand() -> None:
    cluster_s = files.manifests()["Deployment"]["spec"]["template"]["spec"][
        "terminationGracePeriodSeconds"
    ]
    compose_s = int(files.compose()["services"]["worker"]["stop_grace_period"].removesuffix("s"))

    assert min(cluster_s, compose_s) >= load().shutdown_s + 5


def test_a_worker_may_use_the_memory_that_its_settings_bound() -> None:
    """The bounds are those of docs/operations/soak.md; a third of the group may be gone."""
    settings = cluster()
    fewest = files.manifests()["ScaledObject"]["spec"]["minReplicaCount"]
    partitions = 3 * settings.topic_partitions / max(1, fewest - 1)
    record = 300 + 350
    needed = (
        320e6
        + partitions * 10 * settings.chunk_records * record
        + settings.profile_cache_users * 45e3
        + settings.encoder_cache_bytes
        + settings.catalogue_cache_items * 4e3
    )

    container = files.manifests()["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    given = container["resources"]
    compose = files.compose()["services"]["worker"]["deploy"]["resources"]["limits"]["memory"]
    assert given["requests"]["memory"] == given["limits"]["memory"] == "1536Mi"
    assert compose == "1536M"
    assert needed <= 1536e6


def test_a_part_has_the_same_version_everywhere() -> None:
    found: dict[str, set[str]] = defaultdict(set)
    name = "|".join(map(re.escape, IMAGES))
    for path, text in files.texts().items():
        if path.is_relative_to(INFRA / "prometheus") or path.is_relative_to(INFRA / "grafana"):
            continue  # `interestream:lag:max` is a rule's name
        for image, tag in re.findall(rf"(?<![\w/.-])({name}):([\w.-]*\w)", text):
            found[image].add(_plain(tag))
    for kustomization in INFRA.glob("k8s/*/kustomization.yaml"):
        for tag in re.findall(r"newTag: (\S+)", kustomization.read_text()):
            found["interestream"].add(_plain(tag))

    assert {image: len(tags) for image, tags in found.items()} == dict.fromkeys(IMAGES, 1)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert found["interestream"] == {project["version"]}
    assert found["apache/kafka"] == {_tested_kafka()}
    assert found["qdrant/qdrant"] == {"v1.18.0"}, "the server that the tests run against"


def test_no_image_comes_from_a_registry_of_its_own() -> None:
    """A bare name is that of an official image, and what a mirror is configured for."""
    images = [service["image"] for service in files.compose()["services"].values()]
    for path in DOCKERFILES:
        images += [step.words()[0] for step in files.steps(path) if step.name == "FROM"]
    assert all("." not in image.split(":")[0].split("/")[0] for image in images)


def _plain(tag: str) -> str:
    for variant in VARIANTS:
        tag = tag.removesuffix(variant)
    return tag


def _tested_kafka() -> str:
    pom = ET.parse(ROOT / "tests" / "support" / "kafka.pom.xml").getroot()
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    for dependency in pom.iterfind(".//m:dependency", space):
        if dependency.findtext("m:groupId", "", space) == "org.apache.kafka":
            return dependency.findtext("m:version", "", space)
    raise AssertionError("the tests' Apache Kafka is not in the pom")


def _number(pattern: str, text: str) -> int:
    match = re.search(pattern, text)
    assert match is not None, pattern
    return int(match[1])
