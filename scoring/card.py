"""The card: the decided head of a standing, 64 bytes, as the kernel writes it.

`gateway.card` reads the same bytes with the standard library alone; a test holds the two layouts equal.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.pack import Dimension

CARD = np.dtype(
    [
        ("version", "u1"),
        ("flags", "u1"),
        ("score", "<u2"),
        ("tier", "u1"),
        ("next_tier", "u1"),
        ("next_score", "<u2"),
        ("dimensions", "<i2", (len(Dimension),)),
        ("next_flags", "u1"),
        ("reserved", "u1"),
        ("entitlements", "<u4"),  # bit n: the pack's perk n
        ("next_entitlements", "<u4"),
        ("valid_until", "<u2"),  # the first day on which the next state holds
        ("next_until", "<u2"),  # the first day on which even that may have changed
        ("evaluated", "<u2"),  # the day of evaluation
        ("facts", "<u2"),  # how many facts the ledger has
        ("as_of", "<u8"),  # the log offset up to which the subject's events are in
        ("pack", "<u8"),  # hash of the rule pack
        ("next_pack", "<u8"),  # that of the next state, or 0 when it is the same
    ]
)

Cards = NDArray[np.void]

CARD_VERSION = 1
HAS_SCORE = 1
DISPUTED = 2
CEILING = 4
REVIEW = 8
NO_TIER = 255
