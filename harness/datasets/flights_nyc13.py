"""Flights out of New York in 2013: does one arrive more than 15 minutes late? By date, time, carrier and airports.

The same question as the airline task of benchm-ml, with the columns known before departure. 9,430 of the 336,776
flights have no arrival delay (cancelled or diverted) and are left out; 327,346 remain. What is known only later is left
out too: the delay at departure, the times of departure, arrival and in the air; hour and minute are those of the true
departure. The scheduled time is the true one less the delay. The test set is November and December: what trees learn of
single days does not help there, and is worth an area under the curve of .78 where days are drawn at random.
"""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import delimited

DATASET = Dataset(
    title="Flights, New York 2013",
    year=2013,
    licence="CC0",
    source="US Bureau of Transportation Statistics; github.com/tidyverse/nycflights13, data/flights.rda written as CSV",
    tasks=("classify",),
    form="table",
    shape=(8,),
    classes=2,
    rows=273_355,
    test=53_991,
    metric="auc",
    higher_is_better=True,
    protocol="official",
    anchor=0.626,
    anchor_source="gradient-boosted trees of scikit-learn as they come, without month and day: .626 (measured here)",
    files=(
        File(
            "flights.csv",
            "",
            20799150,
            "cf60388979ace9b1e979cecbbfbd68e113d6fd7c08b8e5f85bbe30282f4218a2",
        ),
    ),
)

ROWS = 336_776  # of the file
LATE = 15  # minutes
COLUMNS = {
    "year": None,
    "month": "1 2 3 4 5 6 7 8 9 10 11 12",
    "day": " ".join(map(str, range(1, 32))),
    "dep_time": "",
    "dep_delay": "",
    "arr_time": None,
    "arr_delay": "",
    "carrier": "9E AA AS B6 DL EV F9 FL HA MQ OO UA US VX WN YV",
    "tailnum": None,
    "flight": None,
    "origin": "EWR JFK LGA",
    "dest": "ABQ ACK ALB ANC ATL AUS AVL BDL BGR BHM BNA BOS BQN BTV BUF BUR BWI BZN CAE CAK CHO CHS CLE CLT CMH CRW "
    "CVG DAY DCA DEN DFW DSM DTW EGE EYW FLL GRR GSO GSP HDN HNL HOU IAD IAH ILM IND JAC JAX LAS LAX LEX LGA LGB MCI "
    "MCO MDW MEM MHT MIA MKE MSN MSP MSY MTJ MVY MYR OAK OKC OMA ORD ORF PBI PDX PHL PHX PIT PSE PSP PVD PWM RDU RIC "
    "ROC RSW SAN SAT SAV SBN SDF SEA SFO SJC SJU SLC SMF SNA SRQ STL STT SYR TPA TUL TVC TYS XNA",
    "air_time": None,
    "distance": "",
    "hour": None,
    "minute": None,
}
BEFORE = np.cumsum([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30])  # days of 2013 before each month
LEVELS = (0, 0, 7, 0, 16, 3, 105, 0)


def load(files: dict[str, Path]) -> Data:
    """x (273355, 8): month, day, weekday from 0 Monday, scheduled minute of the day, carrier, two airports, miles.

    y (273355,): 1 late; 53,991 test rows; all in the order of the schedule.
    """
    (file,) = DATASET.files
    table = delimited(files[file.name], file.bytes, COLUMNS, ROWS, skip=1, missing=("NA",))
    table = table[np.isfinite(table[:, 4]) & np.isfinite(table[:, :2]).all(axis=1)]  # arrived, and with a date
    month, day, left, delay, late, carrier, origin, dest, miles = table.T
    weekday = (BEFORE[month.astype(np.int64)] + day + 1) % 7  # 2013 began on a Tuesday
    minute = (left // 100 * 60 + left % 100 - delay) % 1440
    x = np.column_stack([month + 1, day + 1, weekday, minute, carrier, origin, dest, miles]).astype(np.float32)
    order = np.lexsort((minute, day, month))
    x, y = x[order], (late > LATE).astype(np.int64)[order]
    n = int(np.searchsorted(x[:, 0], 11))
    if (n, len(x) - n) != (DATASET.rows, DATASET.test):
        raise BadData(f"{file.name}: {n:,} arrivals until October, {DATASET.rows:,} are right; {len(x) - n:,} after")
    return Data(x[:n], y[:n], DATASET.classes, x[n:], y[n:], LEVELS, DATASET.protocol, ordered=True)
