"""The image, made once for all tests that ask for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.infra import box
from tests.infra.box import Box, Stage
from tests.infra.files import DOCKERFILES


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Box, Stage]]:
    """Made by the steps of infra/Dockerfile, and locked as a read-only container is."""
    if reason := box.missing():
        pytest.skip(reason)
    context = box.context(tmp_path_factory.mktemp("context"))
    with Box(tmp_path_factory.mktemp("box")) as building:
        stage = building.build(DOCKERFILES[0], context)
        building.lock(stage)
        yield building, stage
