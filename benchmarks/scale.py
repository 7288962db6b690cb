"""How much is measured: all of it, or little, to see that it works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One open load: so many events a second, for so long after a time that is not counted."""

    events_per_s: int
    warm_s: float
    measured_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The sizes of all cases.

    Attributes:
        backlog_events: drained by our worker and by the bare loop.
        backlog_subjects: whom they are about.
        faust_events: drained by stock Faust, which is slower.
        faust_subjects: whom they are about; as many events for each as in the backlog.
        live_subjects: of the city that the open loads are about.
        rates: of the freshness case; the last one has the targets.
        kernel_subjects: evaluated in one call.
        plain_subjects: evaluated by the plain evaluator.
        memory_subjects: stored. Near below a power of two, as 7 million are: Redis's table of keys is then as full.
        lookup_rate: the load beside the lookups; it lasts twice as long, since what is late must still be beside it.
        lookups_per_s: ours and bare ones together.
        lookup_s: for each of the two clients.
        http_s: how long the HTTP service is asked.
        people_subjects: whose scores are explained, and to whom ways to the next benefit are shown.
        impact_subjects: scored under two packs.
        paints: of the citizen's page, with an empty cache and with a full one.

    """

    backlog_events: int
    backlog_subjects: int
    faust_events: int
    faust_subjects: int
    live_subjects: int
    rates: tuple[Rate, ...]
    kernel_subjects: int
    plain_subjects: int
    memory_subjects: int
    lookup_rate: Rate
    lookups_per_s: int
    lookup_s: float
    http_s: float
    people_subjects: int
    impact_subjects: int
    paints: int


FULL = Scale(
    backlog_events=1_000_000,
    backlog_subjects=100_000,
    faust_events=50_000,
    faust_subjects=5_000,
    live_subjects=20_000,
    rates=(
        Rate(events_per_s=1_000, warm_s=1.0, measured_s=4.0),
        Rate(events_per_s=2_000, warm_s=1.0, measured_s=4.0),
        Rate(events_per_s=5_000, warm_s=2.0, measured_s=10.0),
    ),
    kernel_subjects=20_000,
    plain_subjects=200,
    memory_subjects=30_000,
    lookup_rate=Rate(events_per_s=5_000, warm_s=2.0, measured_s=20.0),
    lookups_per_s=1_000,
    lookup_s=5.0,
    http_s=4.0,
    people_subjects=1_000,
    impact_subjects=200_000,
    paints=15,
)
QUICK = Scale(
    backlog_events=200_000,
    backlog_subjects=20_000,
    faust_events=20_000,
    faust_subjects=2_000,
    live_subjects=2_000,
    rates=(
        Rate(events_per_s=1_000, warm_s=0.5, measured_s=1.0),
        Rate(events_per_s=5_000, warm_s=1.0, measured_s=3.0),
    ),
    kernel_subjects=20_000,
    plain_subjects=20,
    memory_subjects=3_700,
    lookup_rate=Rate(events_per_s=5_000, warm_s=1.0, measured_s=8.0),
    lookups_per_s=1_000,
    lookup_s=2.0,
    http_s=1.0,
    people_subjects=100,
    impact_subjects=21_000,
    paints=3,
)
