"""Source code with blanks: the text of `source_code`, in which single characters are to be filled in.

1.5 million characters of Python, the modules of mpmath 1.3.0 in the order of their paths.

PyTorch brings mpmath along, so these data are wherever the harness is. Its tests are left out: they are mostly tables
of digits.
"""

import hashlib
import re

from harness.contract import Data, Dataset
from harness.files import Missing, packaged
from harness.formats import tokens

DATASET = Dataset(
    title="Source code of mpmath 1.3.0, blanks (characters)",
    year=2023,
    licence="BSD-3-Clause",
    source="mpmath 1.3.0, mpmath.org: all .py files less tests/, one after the other",
    tasks=("fill_blank",),
    form="tokens",
    shape=(),
    classes=97,
    rows=1_347_334,
    test=149_703,
    metric="loss",
    higher_is_better=False,
    protocol="official",
    package="mpmath",
    content="843ac2feb02b98b2fa6b2ac5bb59b23d3dac4cb88f116cac73db4ef0750fd60b",  # of the whole text, lines ended by \n
    anchor=1.446,
    anchor_source="Kneser-Ney of order 6 on every place of the same split, from the left alone: that of source_code",
)


def load() -> Data:
    """x (1347334,) uint8 numbers of the 97 characters, in sorted order; the last tenth of the text, 149,703, tests.

    Raises Missing where mpmath is not installed, or not as version 1.3.0 has it.
    """
    folder = packaged("mpmath", "__init__.py").parent
    modules = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.py")}
    chosen = [path for name, path in sorted(modules.items()) if not name.startswith("tests/")]
    text = "".join(path.read_text("utf-8", "replace") for path in chosen)
    if hashlib.sha256(text.encode()).hexdigest() != DATASET.content:
        version = re.search(r"^__version__ = '(.+)'", text, re.MULTILINE)
        raise Missing(
            f"source_code_blanks is the text of mpmath 1.3.0, installed is {version[1] if version else 'another'} or a "
            "changed copy: `pip install --force-reinstall mpmath==1.3.0` brings it"
        )
    vocabulary = tuple(sorted(set(text)))
    x = tokens(text, vocabulary)
    return Data(
        x[: DATASET.rows],
        None,
        DATASET.classes,
        x[DATASET.rows :],
        protocol=DATASET.protocol,
        ceiling=DATASET.ceiling,
        vocabulary=vocabulary,
    )
