"""compose.yaml holds together, and gives nobody more than is needed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
import typer

from stream.cli import app
from tests.infra import files
from tests.infra.files import INFRA

SERVICES: dict[str, dict[str, Any]] = files.compose()["services"]
OURS = ("topics", "worker", "demo")


def understood(arguments: Sequence[str]) -> None:
    """Raises what the command line would say against these arguments; runs nothing."""
    command: Any = typer.main.get_command(app)
    rest = list(arguments)
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    command.make_context(command.name, rest)


@pytest.mark.parametrize("name", OURS)
def test_commands_of_ours_are_understood(name: str) -> None:
    understood(SERVICES[name]["command"])


def test_a_command_that_does_not_exist_is_not_understood() -> None:
    with pytest.raises(KeyError):
        understood(["topics", "make"])
    with pytest.raises(Exception, match="No such option"):
        understood(["simulate", "--alive"])


@pytest.mark.parametrize("name", SERVICES)
def test_nobody_may_do_more_than_needed(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "user", "network_mode", "pid", "cap_add"} & service.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_everybody_has_an_end_of_what_may_be_taken(name: str) -> None:
    limits = SERVICES[name]["deploy"]["resources"]["limits"]
    assert limits.keys() == {"cpus", "memory"}


@pytest.mark.parametrize("name", [*OURS, "qdrant"])
def test_root_file_systems_are_read_only(name: str) -> None:
    assert SERVICES[name]["read_only"] is True
    assert "secrets" not in SERVICES[name], "compose cannot put one into a read-only container"


def test_nothing_is_reached_from_other_machines() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports
    assert all(str(port).startswith("127.0.0.1:") for port in ports)


def test_who_is_waited_for_can_be_waited_for() -> None:
    for service in SERVICES.values():
        for name, wait in service.get("depends_on", {}).items():
            condition = wait["condition"]
            if condition == "service_healthy":
                # workers bring a health check in their image
                assert "test" in SERVICES[name].get("healthcheck", {}) or name == "worker"
            elif condition == "service_completed_successfully":
                assert SERVICES[name]["restart"] == "on-failure"
            else:
                assert condition == "service_started"


def test_files_and_volumes_that_are_mounted_are_there() -> None:
    volumes = files.compose()["volumes"]
    for service in SERVICES.values():
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            assert (INFRA / source).is_dir() if source.startswith(".") else source in volumes


def test_secrets_come_from_the_environment_alone() -> None:
    text = (INFRA / "compose.yaml").read_text()
    secrets = files.compose()["secrets"]
    asked = {each for service in SERVICES.values() for each in service.get("secrets", ())}

    assert asked == secrets.keys()
    named = files.required(text) | {each["environment"] for each in secrets.values()}
    assert named == files.ENV.keys() == files.dotenv(INFRA / ".env.example").keys()
    assert not any(files.dotenv(INFRA / ".env.example").values())
    assert not re.search(r"(?im)^\s*\S*(password|api_key|secret|token)\S*:[ ]*[^\s$/{\[]\S*$", text)


def test_only_the_demo_waits_to_be_asked_for() -> None:
    assert [name for name, service in SERVICES.items() if "profiles" in service] == ["demo"]


def test_prometheus_finds_its_rules_and_grafana_its_dashboards() -> None:
    prometheus = (INFRA / "prometheus" / "prometheus.yaml").read_text()
    boards = (INFRA / "grafana/provisioning/dashboards/interestream.yaml").read_text()

    assert mounted("prometheus", "/etc/prometheus/rules") == INFRA / "prometheus/rules"
    assert "/etc/prometheus/rules/*.yaml" in prometheus
    assert mounted("grafana", "/var/lib/grafana/dashboards") == INFRA / "grafana/dashboards"
    assert "path: /var/lib/grafana/dashboards" in boards
    assert f"--config.file={'/etc/prometheus/prometheus.yaml'}" in SERVICES["prometheus"]["command"]


def mounted(service: str, path: str) -> Any:
    """What of ours a container sees at a path."""
    for mount in SERVICES[service]["volumes"]:
        source, target, *_ = mount.split(":")
        if source.startswith(".") and (path + "/").startswith(target + "/"):
            return (INFRA / source / path.removeprefix(target).lstrip("/")).resolve()
    return None
