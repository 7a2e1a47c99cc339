"""The network knows the past only, and learns an order that can be learned."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from export.sequence.log import asked  # noqa: E402  # needs torch
from export.sequence.network import Shape  # noqa: E402
from export.sequence.ranking import ndcg, places_of  # noqa: E402
from export.sequence.training import SasRec, fitted, pieces  # noqa: E402
from tests.peers import sasrec  # noqa: E402
from tests.peers.planted import ITEMS, circles  # noqa: E402

pytestmark = pytest.mark.export

SMALL = Shape(dims=16, window=8, epochs_max=40, learning_rate=1e-2, patience=10)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_it_learns_what_comes_next() -> None:
    log = circles()
    due = asked(log, range(400, 480))

    trained = sasrec.train(log.before(400), SMALL)

    assert places_of(trained.model, due, log.counts()).max() == 1
    assert ndcg(trained.model, due, log.counts()) == 1


def test_what_comes_later_has_no_say_in_a_state() -> None:
    network = SasRec(ITEMS, SMALL).network.eval()
    window = torch.arange(8)[None]
    changed = window.clone()
    changed[0, 5:] = 20

    with torch.inference_mode():
        first, second = network(window), network(changed)

    torch.testing.assert_close(first[:, :5], second[:, :5])
    assert not torch.allclose(first[:, 5:], second[:, 5:])


def test_empty_places_have_no_say() -> None:
    """Whatever stands for nothing, a short history scores the same."""
    model = SasRec(ITEMS, SMALL)
    before = model.scores([np.array([3, 4])])

    with torch.no_grad():
        model.network.items.weight[ITEMS] += 1

    np.testing.assert_allclose(model.scores([np.array([3, 4])]), before, atol=1e-6)


def test_a_history_scores_as_itself_whoever_it_is_batched_with() -> None:
    model = SasRec(ITEMS, SMALL)
    short, long = np.array([3, 4]), np.arange(20)

    alone, among = model.scores([short]), model.scores([long, short, np.zeros(0, np.intp)])

    np.testing.assert_allclose(alone[0], among[1], atol=1e-5)
    assert np.isfinite(among).all()


def test_only_the_window_is_read() -> None:
    model = SasRec(ITEMS, SMALL)

    whole, last = model.scores([np.arange(20)]), model.scores([np.arange(12, 20)])

    np.testing.assert_allclose(whole, last, atol=1e-6)


@pytest.mark.parametrize("length", [1, 2, 8, 9, 10, 17, 40])
def test_pieces_predict_every_item_but_the_first_once(length: int) -> None:
    sequence = np.arange(length)
    rng = np.random.default_rng(length)

    parts = pieces(sequence, 8, rng)

    assert np.concatenate([np.zeros(0, np.intp), *(part[1:] for part in parts)]).tolist() == list(
        range(1, length)
    )
    assert all(2 <= len(part) <= 9 for part in parts)


def test_the_same_seed_gives_the_same_model() -> None:
    log = circles().before(200)

    first, second = (fitted(log, SMALL, 2).scores([np.arange(5)]) for _ in range(2))

    np.testing.assert_array_equal(first, second)
