from datetime import date

from stdnum.cn import ric, uscc

from city.identity import AREA_PREFIX, AREAS_MAX, credit_code, is_marked, resident_number
from city.people import draw_bodies, draw_residents
from schemas.subjects import Pseudonymiser

BORN = date(1990, 2, 28)


class Recorder(Pseudonymiser):
    """Remembers what it was given."""

    def __init__(self) -> None:
        super().__init__(b"k" * 32)
        self.numbers: list[str] = []

    def resident(self, identity_number: str) -> str:
        self.numbers.append(identity_number)
        return super().resident(identity_number)

    def legal_person(self, credit_code: str) -> str:
        self.numbers.append(credit_code)
        return super().legal_person(credit_code)

    def organisation(self, credit_code: str) -> str:
        self.numbers.append(credit_code)
        return super().organisation(credit_code)


def test_a_resident_number_has_a_right_check_digit_and_an_area_that_does_not_exist() -> None:
    number = resident_number(12, BORN, 7)

    assert number.startswith("990012" + "19900228" + "007")
    assert number[-1] == ric.calc_check_digit(number)
    # The library knows all areas there are; it finds none for this.
    assert not ric.is_valid(number)


def test_a_credit_code_has_right_check_digits_and_an_area_that_does_not_exist() -> None:
    for order in range(200):
        code = credit_code(AREAS_MAX - 1, order, legal_person=order % 2 == 0)

        assert uscc.is_valid(code)
        assert code[2:8] == AREA_PREFIX + "9999"


def test_a_real_code_is_not_taken_for_a_marked_one() -> None:
    assert not is_marked("91110000600037341L")
    assert not is_marked("11010519491231002X")


def test_every_subject_of_a_city_has_its_own_marked_number() -> None:
    recorder = Recorder()

    draw_residents(1, 0, 3_000, 20_000, recorder)
    draw_residents(1, 1, 3_000, 20_000, recorder)
    draw_bodies(1, 2, 500, 20_000, recorder)

    assert len(set(recorder.numbers)) == 6_500
    assert all(is_marked(number) for number in recorder.numbers)
