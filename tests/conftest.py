"""Two workers share two cores: in each, libraries compute with one thread. Spinning for a core that the other worker
has made some tests twenty times slower.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
