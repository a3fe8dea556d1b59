"""ISBI 2012: electron microscopy of a fruit fly's nerve cord. Where are the membranes? The first 15 labelled slices."""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import members, picture

DATASET = Dataset(
    title="ISBI 2012 EM segmentation, 15 slices",
    year=2012,
    licence="none stated: free for research, cite Cardona 2010",
    source="Cardona et al., An integrated micro- and macroarchitectural analysis of the Drosophila brain, 2010; the "
    "ISBI 2012 challenge; slices 0 to 14 of the 30 in github.com/zhixuhao/unet",
    tasks=("segment",),
    form="image",
    shape=(512, 512),
    classes=2,
    rows=12,
    test=3,
    metric="pixel_error",
    higher_is_better=False,
    protocol="official",
    anchor=0.0611,
    anchor_source="U-Net on the challenge's hidden slices (Ronneberger et al. 2015, 1505.04597, quoted from memory); "
    "our test part is another: the last 3 slices of these 15",
    files=(
        File("isbi-em-first15.tar.xz", "", 3020504, "e970617c94a890bec4e46c322ab2ca3a0337dd071bd3aca52ddc9d4857173980"),
    ),
)

SLICES = 15
BYTES = 4_000_000  # at most in the unpacked archive


def load(files: dict[str, Path]) -> Data:
    """x (12, 512, 512) uint8 grey, y (12, 512, 512) uint8: 1 membrane (black in the label pictures), 0 cell (white).

    The published test slices have no public labels, so slices 12 to 14 are the test part. Slices are neighbours, 50 nm
    apart.
    """
    names = [f"{kind}/{k}.png" for kind in ("image", "label") for k in range(SLICES)]
    found = members(files["isbi-em-first15.tar.xz"], BYTES, names)
    pictures = [picture(found[name], DATASET.shape, name) for name in names]
    x, marks = np.stack(pictures[:SLICES]), np.stack(pictures[SLICES:])
    if not np.isin(marks, (0, 255)).all():
        raise BadData("isbi-em-first15.tar.xz: a label picture holds a value other than 0 and 255")
    y, n = (marks == 0).astype(np.uint8), DATASET.rows
    return Data(x[:n], y[:n], DATASET.classes, x[n:], y[n:], protocol=DATASET.protocol)
