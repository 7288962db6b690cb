"""Ours: the worker as it is shipped, and beside each commit a note of when Redis had answered.

It ends by itself after so many events, or by SIGTERM. What a batch does is timed by stages only where batches are big:
of a few events the clocks would be a good part.
"""

import argparse
import cProfile
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter_ns
from typing import Any, ClassVar

import uvloop

import stream.worker
from benchmarks.child import cpu_s, say
from benchmarks.observe import Observer, now_ns
from schemas.decoder import Decoded, Decoder, Record
from sinks.standings import Values
from sinks.store import Commit, Ints, Store, Subjects
from stream.logs import configure
from stream.process import Following, Outcome, Processor, RawRecord
from stream.settings import load_settings
from stream.worker import Worker


class Stages:
    """What is added up over all batches.

    Attributes:
        decode_ns: and the others, time by stage.
        answered_ns: when the last commit's answer had come.
        refused: commits that a fence refused.
        comparisons: polls without a record, by which a worker makes sure where the store stands.

    """

    decode_ns = load_ns = commit_ns = process_ns = 0
    answered_ns = 0
    refused = comparisons = 0


class _TimedDecoder(Decoder):
    def decode(self, records: Sequence[Record]) -> Decoded:
        began_ns = perf_counter_ns()
        decoded = super().decode(records)
        Stages.decode_ns += perf_counter_ns() - began_ns
        return decoded


class _AnsweredStore(Store):
    def commit(self, commit: Commit, meanwhile: Callable[[], None] = lambda: None) -> bool:
        committed = super().commit(commit, meanwhile)
        Stages.answered_ns = now_ns()
        Stages.refused += not committed
        return committed


class _TimedStore(_AnsweredStore):
    def load_values(self, partitions: Sequence[int], of: Ints, subjects: Subjects) -> tuple[dict[int, int], Values]:
        began_ns = perf_counter_ns()
        loaded = super().load_values(partitions, of, subjects)
        Stages.load_ns += perf_counter_ns() - began_ns
        return loaded

    def commit(self, commit: Commit, meanwhile: Callable[[], None] = lambda: None) -> bool:
        began_ns, decoding_ns = perf_counter_ns(), Stages.decode_ns
        committed = super().commit(commit, meanwhile)
        # Batches that follow may have been decoded meanwhile.
        Stages.commit_ns += perf_counter_ns() - began_ns - (Stages.decode_ns - decoding_ns)
        return committed


class _ObservedProcessor(Processor):
    """Notes each batch; a batch that applied nothing, because log and store stood apart, is none."""

    observer: ClassVar[Observer | None] = None
    began_ns: ClassVar[int] = 0
    first: ClassVar[int] = 0
    used_before_s: ClassVar[float] = 0.0
    used_s: ClassVar[float] = 0.0
    records: ClassVar[int] = 0
    until: ClassVar[int] = sys.maxsize
    worker: ClassVar[Worker]

    def process(
        self,
        topic: str,
        records: Sequence[RawRecord],
        starts: Mapping[int, int],
        following: Callable[[], Following | None] = lambda: None,
    ) -> Outcome:
        kind = type(self)
        began_ns, used_s = now_ns(), 0.0 if kind.records else cpu_s()
        outcome = super().process(topic, records, starts, following)
        if not records:
            Stages.comparisons += 1
        if not records or outcome.seeks:
            return outcome
        if not kind.records:
            kind.began_ns, kind.first, kind.used_before_s = began_ns, len(records), used_s
        kind.records += len(records)
        Stages.process_ns += now_ns() - began_ns
        if kind.observer is not None:
            kind.observer.batch([record.value() for record in records], Stages.answered_ns)
        if kind.records >= kind.until:
            kind.used_s = cpu_s() - kind.used_before_s
            kind.worker.stop()
        return outcome


class _ReadyWorker(Worker):
    def _assigned(self, starts: Mapping[int, int]) -> None:
        super()._assigned(starts)
        if starts:
            say("ready")


def _watch(*, timed: bool) -> None:
    """Let the worker be made of the observed parts."""
    parts: Any = stream.worker
    parts.Store, parts.Processor = _AnsweredStore, _ObservedProcessor
    if timed:
        parts.Decoder, parts.Store = _TimedDecoder, _TimedStore


def _report(worker: Worker, *, timed: bool) -> None:
    kind, metrics = _ObservedProcessor, worker.metrics
    events = {
        outcome: metrics.registry.get_sample_value("credit_events_total", {"outcome": outcome})
        for outcome in ("scored", "skipped", "dead")
    }
    say(
        "done",
        events=kind.records,
        events_of_first_batch=kind.first,
        seconds=(Stages.answered_ns - kind.began_ns) / 1e9,
        outcomes=events,
        polls=metrics.registry.get_sample_value("credit_polls_total"),
        round_trips=metrics.registry.get_sample_value("credit_store_round_trips_total"),
        comparisons=Stages.comparisons,
        commits_refused=Stages.refused,
        seeks=metrics.registry.get_sample_value("credit_seeks_total"),
        cpu_s=kind.used_s,
        **({"stages_us": _stages_us()} if timed else {}),
    )


def _stages_us() -> dict[str, float]:
    kind = _ObservedProcessor
    rest_ns = Stages.process_ns - Stages.decode_ns - Stages.load_ns - Stages.commit_ns
    took_ns = {
        "decode": Stages.decode_ns,
        "load": Stages.load_ns,
        "commit": Stages.commit_ns,
        "merge, evaluate and the rest of a batch": rest_ns,
        "between batches": Stages.answered_ns - kind.began_ns - Stages.process_ns,
    }
    return {stage: ns / 1e3 / kind.records for stage, ns in took_ns.items()}


def main() -> None:
    """Run the worker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--until", type=int, default=sys.maxsize, help="end after so many events")
    parser.add_argument("--observe", type=Path, help="where to write each event's times")
    parser.add_argument("--profile", type=Path, help="where to write cProfile's statistics of the event loop's thread")
    options = parser.parse_args()
    settings = load_settings()
    configure(settings.log_level, settings.log_format)
    timed = options.observe is None
    _watch(timed=timed)
    worker = _ReadyWorker(settings)
    _ObservedProcessor.worker = worker
    _ObservedProcessor.until = options.until
    _ObservedProcessor.observer = Observer() if options.observe else None
    profile = cProfile.Profile() if options.profile else None
    if profile is not None:
        profile.runcall(uvloop.run, worker.run())
        profile.dump_stats(options.profile)
    else:
        uvloop.run(worker.run())
    if _ObservedProcessor.observer is not None:
        _ObservedProcessor.used_s = cpu_s() - _ObservedProcessor.used_before_s
        _ObservedProcessor.observer.write(options.observe)
    _report(worker, timed=timed)


if __name__ == "__main__":
    main()
