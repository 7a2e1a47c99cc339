"""What the images promise: pinned bases, no root, nothing written, a health check."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.infra import files
from tests.infra.files import DOCKERFILES, ROOT, Step

CPU, GPU = DOCKERFILES

pytestmark = pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)


def last(path: Path, name: str) -> Step:
    """The instruction of that name that holds when the image runs."""
    found = [step for step in files.steps(path) if (step.stage, step.name) == ("worker", name)]
    return found[-1]


def test_one_base_pinned_by_its_tag_and_by_a_digest_that_can_be_given(path: Path) -> None:
    bases = [step.words()[0] for step in files.steps(path) if step.name == "FROM"]
    outside = [base for base in bases if base != "base"]

    assert len(outside) == 1
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+\$\{PYTHON_DIGEST\}", outside[0])
    assert Step("", "ARG", 'PYTHON_DIGEST=""') in files.steps(path)


def test_it_does_not_run_as_root(path: Path) -> None:
    user, group = last(path, "USER").text.split(":")
    assert int(user) >= 10000, "a number: a cluster cannot tell from a name that it is not root"
    assert int(group) >= 10000


def test_it_writes_to_one_folder_which_those_who_run_it_provide(path: Path) -> None:
    folder = last(path, "WORKDIR").text
    assert folder == "/tmp"
    assert any(mount.startswith(f"{folder}:") for mount in files.compose()["x-ours"]["tmpfs"])
    for template in files.pods(files.manifests()).values():
        (container,) = template["spec"]["containers"]
        mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
        assert mounts == [folder]


def test_its_model_is_in_it(path: Path) -> None:
    model = files.environment(path)["INTERESTREAM_MODEL_DIR"]
    copied = [step.words() for step in files.steps(path) if step.stage == "worker"]
    assert ["--from=model", "/models", str(Path(model).parent)] in copied


def test_what_it_is_made_of_is_there_and_not_ignored(path: Path) -> None:
    for step in files.steps(path):
        if step.name == "COPY" and not step.text.startswith("--from"):
            *sources, _ = step.words()
            for source in sources:
                found = [each.relative_to(ROOT) for each in ROOT.glob(source)]
                assert found, f"COPY {source}: there is no such file"
                assert all(files.sent(each) for each in found), f"{source} is in .dockerignore"


def test_nothing_else_is_sent_to_be_built(path: Path) -> None:
    assert not files.sent(Path("tests/infra/files.py"))
    assert not files.sent(Path(".git/config"))
    assert not files.sent(Path("infra/.env"))
    assert not files.sent(Path("stream/core/__pycache__/rank.cpython-311.pyc"))


def test_the_two_images_differ_in_packages_and_environment_alone(path: Path) -> None:
    def rest(dockerfile: Path) -> list[tuple[str, str, str]]:
        told = ((step.stage, step.name, step.text) for step in files.steps(dockerfile))
        return [
            (stage, name, text.replace("requirements/gpu.txt", "requirements/worker.txt"))
            for stage, name, text in told
            if name != "ENV"
        ]

    assert rest(CPU) == rest(GPU)
    more = files.environment(GPU).items() - files.environment(CPU).items()
    assert dict(more) == {
        "INTERESTREAM_ENCODER_PROVIDER": "cuda",
        "NVIDIA_VISIBLE_DEVICES": "all",
        "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
    }
    assert files.environment(CPU).items() <= files.environment(GPU).items()


def test_pods_run_as_the_user_of_the_image(path: Path) -> None:
    user, group = map(int, last(path, "USER").text.split(":"))
    for template in files.pods(files.manifests()).values():
        context: dict[str, Any] = template["spec"]["securityContext"]
        assert (context["runAsUser"], context["runAsGroup"]) == (user, group)
