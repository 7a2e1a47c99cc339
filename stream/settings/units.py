"""Numbers that many settings are."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

DAY_S = 86_400.0
Seconds = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Part = Annotated[float, Field(ge=0, le=10)]  # of a score: a weight, 0 switches off
