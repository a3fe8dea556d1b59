"""Lets all tox envs share one folder. tox writes the env's name into it and rebuilds it when the next env has another
name; ours differ in their commands only, so the name is forgotten. Changed dependencies still rebuild it."""

from tox.plugin import impl
from tox.tox_env.api import ToxEnv


@impl
def tox_before_run_commands(tox_env: ToxEnv) -> None:
    """Forget which env set the folder up."""
    with tox_env.cache.compare(None, "ToxEnv"):
        pass
