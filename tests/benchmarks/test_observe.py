from pathlib import Path

from benchmarks.observe import Observer, event_id, now_ns, read


def test_the_times_in_an_id_come_back_with_the_answer(tmp_path: Path) -> None:
    observer = Observer()
    value = b'{"specversion":"1.0","id":"%b","source":"/dept/test"}' % event_id(5_000, 11, 13)

    observer.batch([value, value], 17)
    observer.write(tmp_path / "seen.npy")

    seen = read(tmp_path / "seen.npy").of_rate(5_000)
    columns = [column.tolist() for column in seen]
    assert columns == [[5_000, 5_000], [11, 11], [13, 13], [17, 17]]


def test_events_that_are_not_counted_are_those_of_no_rate(tmp_path: Path) -> None:
    observer = Observer()
    observer.batch([b'{"id":"%b"}' % event_id(0, 1, 2), b'{"id":"%b"}' % event_id(1_000, 1, 2)], 3)
    observer.write(tmp_path / "seen.npy")

    assert len(read(tmp_path / "seen.npy").of_rate(1_000).rate) == 1


def test_nothing_seen_is_written_as_nothing(tmp_path: Path) -> None:
    Observer().write(tmp_path / "seen.npy")

    assert len(read(tmp_path / "seen.npy").rate) == 0


def test_the_clock_does_not_go_back() -> None:
    assert now_ns() <= now_ns()
