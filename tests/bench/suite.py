"""All measurements of one run, interleaved: every contender once a round, in a turning order.

Ratios compare medians over the rounds, so what slows the machine for a while slows all alike.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

from stream.encoder.contract import Rows
from stream.errors import InterestreamError
from tests.bench import folders, ours, raw, rivals
from tests.bench.contenders import Contender, Run, agreement, figures
from tests.bench.idle import idle
from tests.bench.raw import RawLoop
from tests.bench.texts import KINDS, MIXED, SHORT, Kind, texts, words

SEED = 20_000
TUNING_SEED = 10_000
OPENVINO: Final = "openvino"
#: Other kinds are tuned on as many tokens as mixed texts, not on as many texts.
MIXED_TOKENS = round(MIXED.mean_tokens)
BUDGETS = (64, 128, 256, 512, 1024, 2048)  # padded tokens


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured. `texts` by kind."""

    texts: Mapping[str, int]
    rounds: int
    tuning_texts: int
    idle_texts: int
    sweep_texts: int


FULL = Size({"short": 1024, "mixed": 768, "long": 96}, 3, 256, 400, 512)
QUICK = Size({"short": 96, "mixed": 64, "long": 12}, 2, 32, 60, 64)

T = TypeVar("T")
Told = Callable[[str], None]


@dataclass
class Suite:
    """The parts of a run. `refused` says by name what could not run, and why."""

    models: Mapping[str, Path]
    size: Size
    cores: int
    told: Told
    refused: dict[str, str] = field(default_factory=dict)

    async def run(self) -> dict[str, Any]:
        """Everything but where it ran; times in ms, rates in texts a second."""
        async with AsyncExitStack() as stack:
            encoders = await self._encoders(stack)
            others = self._rivals(Path(stack.enter_context(TemporaryDirectory())))
            tables: dict[str, Any] = {}
            tuning: dict[str, Any] = {}
            agreed: dict[str, Any] = {}
            for kind in KINDS:
                made = self._texts(kind, self.size.texts[kind.name], SEED)
                loops, tuning[kind.name] = self._loops(kind, stack)
                own = [
                    contender
                    for encoder in encoders.values()
                    for contender in ours.contenders(encoder, every=kind is MIXED)
                ]
                taking_part = [*others, *loops, *own]
                agreed[kind.name] = await self._warmed(taking_part, made)
                tables[kind.name] = await self._rounds(kind, taking_part, made)
            waiting = await self._idle(encoders)
        return {
            "texts": {kind.name: self._described(kind) for kind in KINDS},
            "rounds": self.size.rounds,
            "models": {name: folder.name for name, folder in self.models.items()},
            "refused": self.refused,
            "agreement": agreed,
            "tuning": tuning,
            "throughput": tables,
            "idle": waiting,
            "budgets": await self._budgets(),
        }

    # --- who takes part

    async def _encoders(self, stack: AsyncExitStack) -> dict[str, ours.Ours]:
        """By model: each folder on the CPU, and the first one on OpenVINO."""
        found = {
            name: await stack.enter_async_context(ours.opened(folder, name))
            for name, folder in self.models.items()
        }
        first = next(iter(self.models.values()))
        try:
            opened = ours.opened(first, OPENVINO, provider=OPENVINO)
            found[OPENVINO] = await stack.enter_async_context(opened)
        except InterestreamError as error:
            self._refuse(f"{ours.NAME} {OPENVINO}", error)
        return found

    def _rivals(self, scratch: Path) -> list[Contender]:
        found = rivals.sentence_transformers(folders.weights())
        for name, folder in self.models.items():
            place = scratch / name
            place.mkdir()
            try:
                found.append(rivals.fastembed(folder, name, folders.pooled(folder), place))
            except Exception as error:  # noqa: BLE001  # whatever stops another library is noted
                self._refuse(f"fastembed {name}", error)
        return found

    def _loops(self, kind: Kind, stack: AsyncExitStack) -> tuple[list[Contender], dict[str, Any]]:
        """The hand-tuned loop of each model, tuned on other texts of the kind."""
        count = max(self.size.tuning_texts * MIXED_TOKENS // round(kind.mean_tokens), 8)
        sample = self._texts(kind, count, TUNING_SEED)
        loops, tried = [], {}
        for name, folder in self.models.items():
            best, rates = raw.tuned(folder, self.cores, sample)
            self.told(f"{kind.name}: {raw.NAME} {name}: {best}")
            tried[name] = {"best": asdict(best), "tried": rates}
            loop = RawLoop(folder, self.cores, best)
            stack.callback(loop.close)
            loops.append(Contender(raw.NAME, "tuned", name, _given(loop)))
        return loops, tried

    def _refuse(self, what: str, why: Exception) -> None:
        self.refused[what] = repr(why).replace(f"{folders.ROOT}/", "")
        self.told(f"left out: {what}: {self.refused[what]}")

    # --- measuring

    async def _warmed(
        self, contenders: Sequence[Contender], made: Sequence[str]
    ) -> dict[str, dict[str, float]]:
        """Everybody once without measuring; how near each one's vectors are to torch's."""
        few = made[: max(len(made) // 4, 8)]
        reference: Rows = (await contenders[1].run(few)).rows
        agreed = {}
        for contender in contenders:
            rows = (await contender.run(few)).rows
            agreed[contender.key] = agreement(rows, reference)
        return agreed

    async def _rounds(
        self, kind: Kind, contenders: Sequence[Contender], made: Sequence[str]
    ) -> list[dict[str, Any]]:
        found: dict[str, list[dict[str, Any]]] = {contender.key: [] for contender in contenders}
        for number in range(self.size.rounds):
            for contender in _turned(contenders, number):
                found[contender.key].append(await figures(contender, made))
            self.told(f"{kind.name}: round {number + 1} of {self.size.rounds}")
        return [
            {
                **{name: getattr(contender, name) for name in ("name", "how", "model")},
                "median": medians(found[contender.key]),
                "rounds": found[contender.key],
            }
            for contender in contenders
        ]

    async def _idle(self, encoders: Mapping[str, ours.Ours]) -> dict[str, Any]:
        """By model: one short text at a time, against the bare session of the same file."""
        found: dict[str, Any] = {}
        bare = {name: RawLoop(folder, 1, raw.Tuned()) for name, folder in self.models.items()}
        rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in bare}
        for number in range(self.size.rounds):
            made = self._texts(SHORT, self.size.idle_texts, SEED + 1 + number)
            for name, loop in bare.items():
                rounds[name].append(await idle(encoders[name], loop, made))
            self.told(f"idle: round {number + 1} of {self.size.rounds}")
        for name, loop in bare.items():
            loop.close()
            found[name] = {"median": medians(rounds[name]), "rounds": rounds[name]}
        return found

    async def _budgets(self) -> list[dict[str, Any]]:
        """Throughput and padding by the padded tokens of a batch, under 64 callers."""
        made = self._texts(MIXED, self.size.sweep_texts, SEED)
        points = [(name, budget) for name in self.models for budget in BUDGETS]
        found: dict[tuple[str, int], list[dict[str, Any]]] = {point: [] for point in points}
        callers, chunk = ours.CALLERS[-1], 1
        for number in range(self.size.rounds):
            for name, budget in _turned(points, number):
                opening = ours.opened(self.models[name], name, batch_tokens=budget)
                async with opening as encoder:
                    run = ours.by_callers(encoder, callers, chunk)
                    await run(made[: len(made) // 8])
                    contender = Contender(ours.NAME, ours.how(callers, chunk), name, run)
                    found[name, budget].append(await figures(contender, made))
            self.told(f"budgets: round {number + 1} of {self.size.rounds}")
        return [
            {"model": name, "batch_tokens": budget, "median": medians(rounds), "rounds": rounds}
            for (name, budget), rounds in found.items()
        ]

    def _texts(self, kind: Kind, count: int, seed: int) -> list[str]:
        folder = next(iter(self.models.values()))
        return texts(kind, count, words(folder / "tokenizer.json"), seed=seed)

    def _described(self, kind: Kind) -> dict[str, Any]:
        return {
            "count": self.size.texts[kind.name],
            "words": [kind.least, kind.most],
            "mean_tokens": kind.mean_tokens,
        }


def medians(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The median over the rounds of every figure; None where there is none."""
    return {
        name: None
        if any(one[name] is None for one in rounds)
        else round(median(one[name] for one in rounds), 4)
        for name in rounds[0]
    }


def _given(loop: RawLoop) -> Callable[[Sequence[str]], Awaitable[Run]]:
    async def run(made: Sequence[str]) -> Run:
        return loop.encode(made)

    return run


def _turned(things: Sequence[T], by: int) -> list[T]:
    """The things in another order each time, so that nobody always follows the same one."""
    start = by * (len(things) // 2 + 1) % len(things)
    return [*things[start:], *things[:start]]


def progress() -> Told:
    """Prints lines with the seconds since now."""
    began = time.monotonic()

    def told(line: str) -> None:
        sys.stdout.write(f"{time.monotonic() - began:7.1f} s  {line}\n")
        sys.stdout.flush()

    return told
