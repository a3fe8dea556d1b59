"""KDD Cup 1999, the 10 % file: which of 22 attacks is a network connection, or is it normal? 41 measures of it.

Known for its flaws: a simulated network, attacks that one column gives away, and copies. 348,435 of the 494,021 rows
repeat an earlier one, one row alone 193,080 times, so that any split into fifths would test on what was trained on.
Only the 145,586 distinct rows are loaded. Good for how time grows with size, poor for ranking techniques: they all come
near 1.
"""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import delimited

DATASET = Dataset(
    title="KDD Cup 1999, distinct rows of the 10 % file",
    year=1999,
    licence="public (UCI KDD archive)",
    source="Stolfo et al., KDD Cup 1999; UCI KDD archive; the copy of scikit-learn",
    tasks=("classify",),
    form="table",
    shape=(41,),
    classes=23,
    rows=116_468,
    test=29_118,
    metric="accuracy",
    higher_is_better=True,
    protocol="folds",
    anchor=0.999,
    anchor_source="trees on random splits of all rows: above .999 (published, quoted from memory)",
    files=(
        File(
            "kddcup.data_10_percent.gz",
            "https://ndownloader.figshare.com/files/5976042",
            2144903,
            "8045aca0d84e70e622d1148d7df782496f6333bf6eb979a1b0837c42a9fd9561",
        ),
    ),
)

ROWS, UNPACKED = 494_021, 74_889_749  # rows and bytes of the file
SERVICES = (
    "IRC X11 Z39_50 auth bgp courier csnet_ns ctf daytime discard domain domain_u echo eco_i ecr_i efs exec finger ftp "
    "ftp_data gopher hostnames http http_443 imap4 iso_tsap klogin kshell ldap link login mtp name netbios_dgm "
    "netbios_ns netbios_ssn netstat nnsp nntp ntp_u other pm_dump pop_2 pop_3 printer private red_i remote_job rje "
    "shell smtp sql_net ssh sunrpc supdup systat telnet tftp_u tim_i time urh_i urp_i uucp uucp_path vmnet whois"
)
ATTACKS = (
    "normal. back. buffer_overflow. ftp_write. guess_passwd. imap. ipsweep. land. loadmodule. multihop. neptune. nmap. "
    "perl. phf. pod. portsweep. rootkit. satan. smurf. spy. teardrop. warezclient. warezmaster."
)
NAMES = (
    "duration protocol_type service flag src_bytes dst_bytes land wrong_fragment urgent hot num_failed_logins "
    "logged_in num_compromised root_shell su_attempted num_root num_file_creations num_shells num_access_files "
    "num_outbound_cmds is_host_login is_guest_login count srv_count serror_rate srv_serror_rate rerror_rate "
    "srv_rerror_rate same_srv_rate diff_srv_rate srv_diff_host_rate dst_host_count dst_host_srv_count "
    "dst_host_same_srv_rate dst_host_diff_srv_rate dst_host_same_src_port_rate dst_host_srv_diff_host_rate "
    "dst_host_serror_rate dst_host_srv_serror_rate dst_host_rerror_rate dst_host_srv_rerror_rate attack"
)
COLUMNS = dict.fromkeys(NAMES.split(), "") | {
    "protocol_type": "icmp tcp udp",
    "service": SERVICES,
    "flag": "OTH REJ RSTO RSTOS0 RSTR S0 S1 S2 S3 SF SH",
    **dict.fromkeys(("land", "logged_in", "is_host_login", "is_guest_login"), "0 1"),
    "attack": ATTACKS,
}
LEVELS = tuple(len(categories.split()) for categories in COLUMNS.values())[:-1]


def load(files: dict[str, Path]) -> Data:
    """x (145586, 41) with categories coded, y (145586,): 0 normal, then the attacks by name; in the file's order."""
    (file,) = DATASET.files
    table = delimited(files[file.name], UNPACKED, COLUMNS, ROWS, missing=())
    rows = table.view(f"V{table.itemsize * table.shape[1]}").ravel().tolist()  # each as bytes
    first = dict(zip(reversed(rows), range(ROWS - 1, -1, -1), strict=True))  # so that the first copy is the one kept
    distinct = table[np.sort(np.fromiter(first.values(), dtype=np.int64))]
    if len(distinct) != DATASET.rows + DATASET.test:
        raise BadData(f"{file.name} holds {len(distinct):,} distinct rows, {DATASET.rows + DATASET.test:,} are right")
    y = distinct[:, -1].astype(np.int64)
    return Data(distinct[:, :-1], y, DATASET.classes, levels=LEVELS, protocol=DATASET.protocol)
