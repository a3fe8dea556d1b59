"""Samples that a technique shows: what a row keeps of them, and what is refused."""

import base64

import numpy as np
import pytest

from harness import contract, worker


def test_a_row_keeps_texts_spelled_tokens_and_pictures():
    pictures = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    samples = {"text": "one", "tokens": np.array([1, 0, 1]), "pictures": pictures}
    found = worker._shown(samples, ("a", "b"))
    assert found["text"] == {"text": "one"} and found["tokens"] == {"text": "bab"}
    assert found["pictures"]["shape"] == [2, 3, 4]
    assert base64.b64decode(found["pictures"]["pixels"]) == pictures.tobytes()
    assert worker._shown({"words": np.array([1, 0])}, ("the", "cat"))["words"] == {"text": "cat the"}


@pytest.mark.parametrize(
    "sample, told",
    [
        (np.zeros((2, 3)), "a text, tokens"),
        (np.zeros(3, np.int64), "a text, tokens"),  # without a vocabulary
        (None, "is None"),
        ("x" * (contract.SHOWN + 1), "65,536 is the most"),
    ],
    ids=["flat", "tokens", "nothing", "long"],
)
def test_what_cannot_be_shown_is_refused(sample, told):
    with pytest.raises(ValueError, match=told):
        worker._shown({"it": sample}, ())
