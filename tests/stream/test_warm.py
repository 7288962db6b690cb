"""Compiling before joining: in a process of its own, for in this one other tests have compiled long ago."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Warms up, does what a worker does without an event, and prints what was compiled only then.
PROGRAM = """
import sys
import numpy as np
from numba.core.dispatcher import Dispatcher
from schemas.facts import FACT
from scoring.announced import Announced
from scoring.card import CARD
from scoring.pack import load_pack
from scoring.shadow import compare
from scoring.timeline import Span
from sinks.standings import packed, split
from stream.turns import sides
from stream.warm import warm

def compiled():
    ours = ("schemas", "scoring", "sinks", "stream")
    found = [vars(module) for name, module in sys.modules.items() if name.partition(".")[0] in ours]
    return {str(one): one.signatures for each in found for one in each.values() if isinstance(one, Dispatcher)}

announced = Announced.of(load_pack())
warm(announced)
before = compiled()
assert sum(map(bool, before.values())) > 5, before

own = announced.timeline.at(0)
of, subjects, day = np.zeros(1, np.int64), np.zeros(1, np.uint64), 20_000
card = np.zeros(1, CARD)
card["version"] = 1
standings = split(packed([card.tobytes() + np.zeros(1, FACT).tobytes()]), of, subjects)
announced.timeline.evaluate(standings.facts, standings.starts, subjects, day, standings.cards)
announced.timeline.retained(standings.facts, standings.starts, day)
compare(standings.facts, standings.starts, subjects, day, (own.pack, standings.cards), own)
sides()[0].wait(0)
after = compiled()
print(sorted(name for name in after if after[name] != before.get(name, [])))
"""


def test_what_a_worker_does_without_an_event_is_compiled_before_it_joins() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
