"""The manifests as Kustomize builds them: valid for Kubernetes and KEDA, and whole."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema
import pytest
import yaml

from stream.settings import Settings
from tests.infra import files
from tests.infra.files import INFRA
from tests.infra.tools import tool

kubernetes_validate = pytest.importorskip("kubernetes_validate")

pytestmark = pytest.mark.ops

OVERLAYS = ("cpu", "gpu")
KUBERNETES = ("1.32", "1.37")  # the oldest and the newest that these are held to
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


@cache
def built(overlay: str) -> dict[str, dict[str, Any]]:
    """What `kubectl apply -k` would send, by kind."""
    command = [str(tool("kustomize")), "build", str(INFRA / "k8s" / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, "a warning"
    return files.by_kind(yaml.safe_load_all(done.stdout))


@pytest.fixture(params=OVERLAYS)
def objects(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    return built(request.param)


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_takes_them(objects: dict[str, dict[str, Any]], version: str) -> None:
    for kind, each in objects.items():
        if kind != "ScaledObject":
            kubernetes_validate.validate(each, version, strict=True)


def test_keda_takes_what_scales(objects: dict[str, dict[str, Any]]) -> None:
    jsonschema.validate(objects["ScaledObject"], closed(keda()))


def test_keda_does_not_take_what_is_misspelt() -> None:
    scaled = yaml.safe_load(yaml.safe_dump(built("cpu")["ScaledObject"]))
    scaled["spec"]["maxReplicas"] = 3
    with pytest.raises(jsonschema.ValidationError, match="maxReplicas"):
        jsonschema.validate(scaled, closed(keda()))


def test_everything_is_in_the_namespace(objects: dict[str, dict[str, Any]]) -> None:
    name = objects["Namespace"]["metadata"]["name"]
    rest = (each["metadata"] for kind, each in objects.items() if kind != "Namespace")
    assert {meta["namespace"] for meta in rest} == {name}


def test_what_selects_pods_finds_them(objects: dict[str, dict[str, Any]]) -> None:
    labels = objects["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    topics = objects["Job"]["spec"]["template"]["metadata"]["labels"].items()
    workers = [
        objects["Deployment"]["spec"]["selector"]["matchLabels"],
        objects["Service"]["spec"]["selector"],
        objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
    ]

    assert all(each.items() <= labels and not each.items() <= topics for each in workers)
    both = objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"].items()
    assert both <= labels
    assert both <= topics


def test_the_number_of_copies_is_left_to_what_scales(objects: dict[str, dict[str, Any]]) -> None:
    assert "replicas" not in objects["Deployment"]["spec"]
    target = objects["ScaledObject"]["spec"]["scaleTargetRef"]["name"]
    assert target == objects["Deployment"]["metadata"]["name"]


def test_pods_get_all_settings_and_the_secret(objects: dict[str, dict[str, Any]]) -> None:
    settings = objects["ConfigMap"]
    assert settings["data"] == files.dotenv(files.BASE / "settings.env")
    for pod in containers(objects):
        assert pod["envFrom"] == [
            {"configMapRef": {"name": settings["metadata"]["name"]}},
            {"secretRef": {"name": "interestream"}},
        ]


def test_no_secret_is_among_the_settings(objects: dict[str, dict[str, Any]]) -> None:
    secret = {
        f"INTERESTREAM_{name.upper()}"
        for name, field in Settings.model_fields.items()
        if "SecretStr" in str(field.annotation)
    }
    assert secret
    assert not secret & objects["ConfigMap"]["data"].keys()
    assert "Secret" not in objects


def test_pods_are_what_a_restricted_namespace_takes(objects: dict[str, dict[str, Any]]) -> None:
    for template in files.pods(objects).values():
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False, "the Service's variables begin as settings do"
        assert all("emptyDir" in volume for volume in pod["volumes"])
    for container in containers(objects):
        assert container["securityContext"] == RESTRICTED
        assert container["resources"]["requests"].keys() >= {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]


def test_a_gpu_is_asked_for_where_the_image_wants_one() -> None:
    for overlay, tag, gpus in (("cpu", "0.1.0", None), ("gpu", "0.1.0-gpu", 1)):
        (worker,) = built(overlay)["Deployment"]["spec"]["template"]["spec"]["containers"]
        assert worker["image"] == f"interestream:{tag}"
        assert worker["resources"]["limits"].get("nvidia.com/gpu") == gpus


def containers(objects: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for template in files.pods(objects).values():
        yield from template["spec"]["containers"]


@cache
def keda() -> dict[str, Any]:
    """The schema of a ScaledObject, out of KEDA's own definition."""
    definition = yaml.safe_load(tool("keda.sh_scaledobjects.yaml").read_text())
    (version,) = definition["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    assert isinstance(schema, dict)
    return schema


def closed(schema: Any) -> Any:
    """As the API server reads it with strict field validation: what is not named is an error."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: closed(value) for name, value in schema.items()}
    if "properties" in schema and "additionalProperties" not in schema:
        found["additionalProperties"] = False
    return found
