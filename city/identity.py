"""Identity numbers of people and bodies that do not exist, marked so that nobody can take them for real ones.

The area code of each begins with 99. GB/T 2260 assigns no area to it, and in the numbers of foreign permanent
residents, which begin with 9, the second digit begins a province code, of which none begins with 9 either. The
check digits are right, so that the numbers pass every check but that of the area.
"""

from datetime import date

from stdnum.cn import ric, uscc

AREA_PREFIX = "99"
AREAS_MAX = 10_000
# The order code of a GB 11643 number has three digits.
BIRTHS_A_DAY_MAX = 1_000

_LEGAL_PERSON = "91"
_ORGANISATION = "51"
# GB 11714, of the nine characters inside a credit code: weights of the first eight.
_CODE_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def resident_number(area: int, born: date, order: int) -> str:
    """Return the GB 11643 number of the `order`-th person born on a day in one of the areas that do not exist."""
    number = f"{AREA_PREFIX}{area:04d}{born:%Y%m%d}{order:03d}"
    return number + str(ric.calc_check_digit(number + "0"))


def credit_code(area: int, order: int, *, legal_person: bool) -> str:
    """Return the GB 32100 code of the `order`-th body in one of the areas that do not exist."""
    body = f"{order:08d}"
    kind = _LEGAL_PERSON if legal_person else _ORGANISATION
    code = f"{kind}{AREA_PREFIX}{area:04d}{body}{_organisation_check_digit(body)}"
    return code + str(uscc.calc_check_digit(code))


def is_marked(number: str) -> bool:
    """Whether an identity number or credit code bears the mark of this generator."""
    area = number[2:8] if number[:2] in {_LEGAL_PERSON, _ORGANISATION} else number[:6]
    return area.startswith(AREA_PREFIX)


def _organisation_check_digit(body: str) -> str:
    total = sum(int(digit) * weight for digit, weight in zip(body, _CODE_WEIGHTS, strict=True))
    return "0123456789X0"[11 - total % 11]
