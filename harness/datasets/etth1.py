"""ETTh1: oil temperature and six loads of a Chinese power transformer, every hour from July 2016 on."""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import Kind, delimited

DATASET = Dataset(
    title="ETTh1 (electricity transformer, hourly)",
    year=2021,
    licence="CC BY-ND 4.0",
    source="Zhou et al., Informer: beyond efficient transformer for long sequence time-series forecasting, 2021, "
    "2012.07436; github.com/zhouhaoyi/ETDataset",
    tasks=("forecast",),
    form="series",
    shape=(7,),
    classes=0,
    rows=11_520,
    test=2_880,
    metric="mse",
    higher_is_better=False,
    protocol="official",
    anchor=0.375,
    anchor_source="DLinear, 96 hours ahead, all series, standardised by the first 8,640 hours (Zeng et al. 2022, "
    "quoted from memory)",
    ceiling=0.37,
    ceiling_source="PatchTST, likewise (Nie et al. 2022, quoted from memory)",
    files=(
        File(
            "ETTh1.csv",
            "https://raw.githubusercontent.com/zhouhaoyi/ETDataset/1d16c8f4f943005d613b5bc962e9eeb06058cf07/ETT-small/"
            "ETTh1.csv",
            2589657,
            "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
        ),
    ),
)

HOURS = 17_420
COLUMNS: dict[str, Kind] = {
    "date": None,
    "HUFL": "",
    "HULL": "",
    "MUFL": "",
    "MULL": "",
    "LUFL": "",
    "LULL": "",
    "OT": "",
}


def load(files: dict[str, Path]) -> Data:
    """x (11520, 7) hours in order, test_x (2880, 7) the next ones: 12 + 4 and 4 months of 30 days, as published.

    Published work keeps months 13 to 16 for validation; here they are the end of the training rows. As there, the
    last 3,020 of the 17,420 hours are not used.
    """
    (file,) = DATASET.files
    table = delimited(files[file.name], file.bytes, COLUMNS, HOURS, skip=1, missing=())
    if not np.isfinite(table).all():
        raise BadData(f"{file.name} holds a value that is missing or not finite")
    train, test, _ = np.split(table, [DATASET.rows, DATASET.rows + DATASET.test])
    return Data(train, None, 0, test, None, protocol=DATASET.protocol, ceiling=DATASET.ceiling, ordered=True)
