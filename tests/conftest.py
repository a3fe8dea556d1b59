"""Two workers share two cores: in each, libraries compute with one thread. Spinning for a core that the other worker
has made some tests twenty times slower.
"""

import os
import sys

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
settings.register_profile("eras", deadline=None, derandomize=True)  # no example fails for a busy machine, or by luck
settings.load_profile("eras")


@pytest.fixture(autouse=True)
def drawn_alike():
    """PyTorch draws the same in a test, whichever tests came before it in this worker."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture
def one_thread():
    """PyTorch computes with one thread, whatever the environment says: other threads, other bits."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
