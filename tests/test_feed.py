"""The batch feeder: complete shuffled epochs, one order for every device, no hand on anyone else's random numbers."""

import itertools

import numpy as np
import pytest
import torch

from harness import feed
from harness.contract import Budget, Run


def take(count: int, rows: int, batch: int, seed: int = 0, device: str = "cpu") -> list[torch.Tensor]:
    """The row numbers of the first `count` batches."""
    numbers = np.arange(rows)
    return [x.cpu() for x, _ in itertools.islice(feed.batches(Run(device, seed), numbers, numbers, batch), count)]


def test_an_epoch_holds_every_row_once_and_only_full_batches():
    first, second = np.split(torch.stack(take(10, rows=100, batch=20)).numpy(), 2)
    assert sorted(first.ravel()) == sorted(second.ravel()) == list(range(100))
    assert not np.array_equal(first, second)


def test_rows_left_over_sit_out_one_epoch_not_all():
    batches = take(2000, rows=10, batch=4)
    assert {len(batch) for batch in batches} == {4}
    epochs = [set(torch.cat(batches[i : i + 2]).tolist()) for i in range(0, 2000, 2)]
    assert all(len(epoch) == 8 for epoch in epochs)  # no row twice in an epoch
    shares = np.bincount(torch.cat(batches), minlength=10) / 1000
    assert abs(shares - 0.8).max() < 0.06  # binomial, four standard deviations and a half


def test_the_order_is_torchs_own_permutation_on_the_cpu():
    order = torch.Generator().manual_seed(7)
    expected = torch.cat([torch.randperm(12, generator=order) for _ in range(3)])
    assert torch.equal(torch.cat(take(9, rows=12, batch=4, seed=7)), expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_the_order_is_the_same_on_a_gpu():
    assert all(torch.equal(a, b) for a, b in zip(take(9, 12, 4), take(9, 12, 4, device="cuda"), strict=True))


def test_the_seed_decides_and_the_global_generator_is_untouched():
    before = torch.get_rng_state()
    assert torch.equal(torch.cat(take(5, 50, 10, seed=1)), torch.cat(take(5, 50, 10, seed=1)))
    assert not torch.equal(torch.cat(take(5, 50, 10, seed=1)), torch.cat(take(5, 50, 10, seed=2)))
    assert torch.equal(before, torch.get_rng_state())


def test_questions_stay_beside_their_truth_in_their_own_types():
    images = np.arange(30 * 4, dtype=np.uint8).reshape(30, 2, 2)
    for x, y in itertools.islice(feed.batches(Run(), images, np.arange(30), 7), 12):
        assert x.dtype == torch.uint8 and y.dtype == torch.int64 and x.shape == (7, 2, 2)
        assert np.array_equal(x.numpy(), images[y.numpy()])


def test_the_run_alone_ends_the_loop_and_counts():
    run = Run(budget=Budget("examples", 70))
    batches = feed.batches(run, np.arange(30), np.arange(30), 10)
    assert sum(len(next(batches)[0]) for _ in run.steps(examples=10)) == 70 == run.used


@pytest.mark.parametrize("batch", [0, 31])
def test_a_batch_that_cannot_be_drawn_is_told(batch):
    with pytest.raises(ValueError, match=f"a batch of {batch} cannot be drawn from 30 rows"):
        next(feed.batches(Run(), np.arange(30), np.arange(30), batch))
