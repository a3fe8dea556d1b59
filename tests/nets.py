"""A technique's file for tests, imported by path as the harness does."""

import functools
from types import ModuleType

from harness import catalogue


@functools.cache
def load(name: str) -> ModuleType:
    """The technique of that name."""
    return catalogue.load(catalogue.path_of("technique", name))
