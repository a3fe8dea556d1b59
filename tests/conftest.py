"""Two workers share two cores: in each, libraries compute with one thread. Spinning for a core that the other worker
has made some tests twenty times slower.
"""

import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def one_thread():
    """PyTorch computes with one thread, whatever the environment says: other threads, other bits."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
