"""Exchange rates of eight countries' currencies to the dollar, every weekday from 1990 to 2016."""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import delimited

DATASET = Dataset(
    title="Exchange rates",
    year=2018,
    licence="none stated (research)",
    source="Lai, Chang, Yang, Liu, Modeling long- and short-term temporal patterns with deep neural networks, 2018, "
    "1703.07015; github.com/laiguokun/multivariate-time-series-data",
    tasks=("forecast",),
    form="series",
    shape=(8,),
    classes=0,
    rows=6_071,
    test=1_517,
    metric="mse",
    higher_is_better=False,
    protocol="official",
    anchor=0.081,
    anchor_source="DLinear, 96 days ahead, standardised by the first 70 % (Zeng et al. 2022, quoted from memory); "
    "repeating the last value does as well",
    files=(
        File(
            "exchange_rate.txt.gz",
            "https://raw.githubusercontent.com/laiguokun/multivariate-time-series-data/"
            "7f402f185cc2435b5e66aed13a3b560ed142e023/exchange_rate/exchange_rate.txt.gz",
            177142,
            "6a4fbb561dcdee43f071a83badbeec9223a335552278348656738b556f1c2e9d",
        ),
    ),
)

DAYS = 7_588
BYTES = 546_336  # unpacked
COUNTRIES = "Australia Britain Canada Switzerland China Japan New-Zealand Singapore"


def load(files: dict[str, Path]) -> Data:
    """x (6071, 8) days in order, test_x (1517, 8) the next and last ones: a fifth, as published.

    Published work keeps the last tenth before the test part for validation; here it is the end of the training rows.
    """
    (file,) = DATASET.files
    table = delimited(files[file.name], BYTES, dict.fromkeys(COUNTRIES.split(), ""), DAYS, missing=())
    if not np.isfinite(table).all():
        raise BadData(f"{file.name} holds a value that is missing or not finite")
    return Data(table[: DATASET.rows], None, 0, table[DATASET.rows :], None, protocol=DATASET.protocol, ordered=True)
