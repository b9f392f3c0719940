"""Dates as people write them in English and Korean, each with its ISO 8601 form.

Every written date has exactly one correct ISO form, by these rules:

- Years run from 1950 to 2049, so two digits name one year: 50 to 99 are 19xx, 00 to 49 are 20xx.
- Slashes are American, month first (3/14/2021); dots without spaces are European, day first
  (14.3.2021); dots with spaces are Korean, year first (21. 3. 14.).
- A year with four digits or an apostrophe may come first with any separator.
- A weekday always matches the date, so it carries no information.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Sequence
from typing import NamedTuple

FIRST_DATE = datetime.date(1950, 1, 1)
LAST_DATE = datetime.date(2049, 12, 31)


def _read_forms(table: str) -> tuple[str, ...]:
    """Parse forms, one or several per line, separated by bars."""
    return tuple(form for line in table.strip().splitlines() for form in line.split(" | "))


ENGLISH_FORMS = _read_forms("""
{month_name} {day}, {year} | {month_name} {day} {year} | {month_name} {day}, '{yy}
{month_name} {ordinal}, {year} | {month_name} {ordinal} {year}
{month_name} the {ordinal}, {year} | {day} {month_name} {year} | {day} {month_name}, {year}
{day} {month_name} '{yy} | {ordinal} {month_name} {year} | {ordinal} of {month_name} {year}
the {ordinal} of {month_name}, {year} | the {ordinal} of {month_name} {year}
{year} {month_name} {day} | {year}, {month_name} {ordinal} | {month_short} {day}, {year}
{month_dotted} {day}, {year} | {month_short} {ordinal}, {year} | {month_short} {ordinal} '{yy}
{month_short} {day} '{yy} | {month_dotted} {day} '{yy} | {day} {month_short} {year}
{day} {month_dotted} {year} | {day} {month_short} '{yy} | {day}-{month_short}-{year}
{day2}-{month_short}-{yy} | {day2}{month_short}{year} | {month_short}-{day2}-{year}
{year} {month_short} {day2} | {year}-{month_short}-{day2}
{weekday}, {month_name} {day}, {year} | {weekday} {month_name} {day} {year}
{weekday}, {month_name} {ordinal}, {year} | {weekday}, {day} {month_name} {year}
{weekday} {day} {month_name}, {year} | {weekday}, the {ordinal} of {month_name}, {year}
{weekday} the {ordinal} of {month_name} {year} | {weekday_short}, {month_short} {ordinal} '{yy}
{weekday_short} {month_short} {day} {year} | {weekday_short}, {day} {month_short} {year}
{weekday_dotted}, {month_dotted} {day}, {year} | {weekday_dotted} {month_name} {ordinal}, {year}
{weekday_short}, {month_short} {day}, '{yy} | {month_name} {day}, {year} ({weekday})
{day} {month_short} {year} ({weekday_short}) | {month}/{day}/{year} | {month2}/{day2}/{year}
{month}/{day}/{yy} | {month2}/{day2}/{yy} | {weekday_short} {month}/{day}/{year}
{weekday_short}, {month}/{day}/{yy} | {day}.{month}.{year} | {day2}.{month2}.{year}
{day}.{month}.{yy} | {weekday_short}, {day}.{month}.{year} | {year}-{month2}-{day2}
{year}-{month}-{day} | {year}/{month2}/{day2} | {year}{month2}{day2}
{weekday}, {year}-{month2}-{day2} | {month_name} {day_words}, {year_words}
{month_name} the {day_words}, {year} | {month_name} {day_words} {year}
the {day_words} of {month_name}, {year} | the {day_words} of {month_name}, {year_words}
the {day_words} of {month_name} {year_words_long}
{weekday}, {month_name} {day_words}, {year_words}
{weekday} the {day_words} of {month_name}, {year_words_long}
the {day_words} day of {month_name}, {year}
""")

KOREAN_FORMS = _read_forms("""
{year}년 {month}월 {day}일 | {year}년 {month2}월 {day2}일 | {year}년{month}월{day}일
{year}년 {month}월{day}일 | {year} 년 {month} 월 {day} 일
{year}년 {month}월 {day}일 {ko_weekday}요일 | {year}년 {month}월 {day}일, {ko_weekday}요일
{year}년 {month}월 {day}일({ko_weekday}) | {year}년 {month}월 {day}일 ({ko_weekday})
{year}년 {month}월 {day}일({ko_weekday}요일) | {year}년 {month2}월 {day2}일 {ko_weekday}요일
{year}년{month}월{day}일({ko_weekday}) | {ko_weekday}요일, {year}년 {month}월 {day}일
({ko_weekday}) {year}년 {month}월 {day}일 | 서기 {year}년 {month}월 {day}일
양력 {year}년 {month}월 {day}일 | {year}년도 {month}월 {day}일 | {year}년 {month}월 {day}일자
{month}월 {day}일, {year}년 | {yy}년 {month}월 {day}일 | {yy}년 {month2}월 {day2}일
'{yy}년 {month}월 {day}일 | {yy}년 {month}월 {day}일 {ko_weekday}요일
{yy}년 {month}월 {day}일({ko_weekday}) | {yy}년{month}월{day}일 | {year}. {month}. {day}.
{year}. {month}. {day} | {year}. {month2}. {day2}. | {year}.{month}.{day} | {year}.{month2}.{day2}
{year}.{month2}.{day2}. | {year}.{month2}.{day2}({ko_weekday})
{year}. {month}. {day}. ({ko_weekday}) | {year}. {month}. {day}.({ko_weekday})
{year}. {month}. {day}. {ko_weekday}요일 | {yy}. {month}. {day}. | '{yy}. {month}. {day}.
'{yy}.{month2}.{day2} | {yy}. {month}. {day}. ({ko_weekday})
{year}-{month2}-{day2} ({ko_weekday}) | {year}/{month}/{day}({ko_weekday})
{year}/{month2}/{day2} {ko_weekday}요일 | {ko_year}년 {ko_month}월 {ko_day}일
{ko_year}년{ko_month}월{ko_day}일 | {ko_year} 년 {ko_month} 월 {ko_day} 일
{ko_year}년 {ko_month}월 {ko_day}일 {ko_weekday}요일
{ko_year}년 {ko_month}월 {ko_day}일, {ko_weekday}요일
{ko_year}년 {ko_month}월 {ko_day}일({ko_weekday}) | 서기 {ko_year}년 {ko_month}월 {ko_day}일
{ko_digits}년 {ko_month}월 {ko_day}일 | {ko_year}년 {month}월 {day}일
{year}년 {ko_month}월 {ko_day}일 | {yy}년 {ko_month}월 {ko_day}일 | {year}年 {month}月 {day}日
{year}年 {month}月 {day}日({hanja_weekday})
""")

_MONTHS = (
    "January February March April May June July August September October November December"
).split()
_MONTHS_DOTTED = "Jan. Feb. Mar. Apr. May June July Aug. Sept. Oct. Nov. Dec.".split()
_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_WEEKDAYS_DOTTED = "Mon. Tues. Wed. Thurs. Fri. Sat. Sun.".split()
_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth"}
_ORDINALS |= {"nine": "ninth", "twelve": "twelfth", "twenty": "twentieth", "thirty": "thirtieth"}
_KOREAN_DIGITS = "공일이삼사오육칠팔구"
# Six and ten lose their last sound before 월: 유월, 시월.
_KOREAN_MONTHS = "일 이 삼 사 오 유 칠 팔 구 시 십일 십이".split()

_CASES = (str, str, str, str, str.lower, str.upper)


class DateSplits(NamedTuple):
    """Pairs of a written date and its ISO form. No date is in more than one split."""

    train: list[tuple[str, str]]
    valid: list[tuple[str, str]]
    test: list[tuple[str, str]]


def write_date(date: datetime.date, form: str) -> str:
    """Write a date in the given form.

    Args:
        date: A date from `FIRST_DATE` to `LAST_DATE`.
        form: One of `ENGLISH_FORMS` or `KOREAN_FORMS`.

    Returns:
        The written date.

    Example:
        >>> write_date(datetime.date(2021, 3, 3), "{weekday_short}, {month_short} {ordinal} '{yy}")
        "Wed, Mar 3rd '21"
        >>> write_date(datetime.date(2021, 6, 10), "{ko_year}년 {ko_month}월 {ko_day}일")
        '이천이십일년 유월 십일'
    """
    return form.format_map(_number_fields(date) | _english_fields(date) | _korean_fields(date))


def make_dates(
    count: int, seed: int, dates: Sequence[datetime.date] | None = None
) -> list[tuple[str, str]]:
    """Draw written dates, half English and half Korean, uniformly over the forms of a language.

    One sixth of the English dates are in lower case, one sixth in upper case.

    Args:
        count: Number of pairs.
        seed: The same seed gives the same pairs.
        dates: Dates to draw from; `None` for every day from 1950 to 2049.

    Returns:
        Pairs of a written date and the date in ISO 8601, such as
        `("Wed, Mar 3rd '21", "2021-03-03")`.

    Raises:
        ValueError: If `dates` is empty or holds a day outside 1950 to 2049.

    Example:
        >>> pairs = make_dates(1000, seed=1)
        >>> len(pairs), pairs == make_dates(1000, seed=1)
        (1000, True)
    """
    dates = all_dates() if dates is None else dates
    if not dates or not FIRST_DATE <= min(dates) <= max(dates) <= LAST_DATE:
        found = f"days from {min(dates)} to {max(dates)}" if dates else "none"
        raise ValueError(
            f"dates must hold days from {FIRST_DATE} to {LAST_DATE}, so that two digits name one "
            f"year. Received: {found}. Leave out the others, or pass None to draw from all days."
        )
    generator = random.Random(seed)
    pairs = []
    for _ in range(count):
        date = generator.choice(dates)
        forms = generator.choice((ENGLISH_FORMS, KOREAN_FORMS))
        text = write_date(date, generator.choice(forms))
        pairs.append((generator.choice(_CASES)(text), date.isoformat()))
    return pairs


def all_dates() -> list[datetime.date]:
    """Return every day from `FIRST_DATE` to `LAST_DATE`, both included.

    Example:
        >>> len(all_dates())
        36525
    """
    days = (LAST_DATE - FIRST_DATE).days + 1
    return [FIRST_DATE + datetime.timedelta(days=day) for day in range(days)]


def date_splits(
    seed: int,
    *,
    train_count: int = 40_000,
    valid_count: int = 1_000,
    test_count: int = 2_000,
) -> DateSplits:
    """Make the data of the demo; the days of the test are not in the training data in any form.

    Of all days, one in twenty is held out for validation and another one in twenty for the test.

    Args:
        seed: The same seed gives the same splits.
        train_count: Number of training pairs.
        valid_count: Number of validation pairs.
        test_count: Number of test pairs.

    Returns:
        The three splits.

    Example:
        >>> train, valid, test = date_splits(7, train_count=100, valid_count=10, test_count=10)
        >>> {iso for _, iso in train} & {iso for _, iso in test}
        set()
    """
    dates = all_dates()
    held_out = len(dates) // 20
    generator = random.Random(seed)
    generator.shuffle(dates)
    return DateSplits(
        train=make_dates(train_count, generator.getrandbits(32), dates[2 * held_out :]),
        valid=make_dates(valid_count, generator.getrandbits(32), dates[:held_out]),
        test=make_dates(test_count, generator.getrandbits(32), dates[held_out : 2 * held_out]),
    )


def _number_fields(date: datetime.date) -> dict[str, str]:
    return {
        "year": f"{date.year}",
        "yy": f"{date.year % 100:02d}",
        "month": f"{date.month}",
        "month2": f"{date.month:02d}",
        "day": f"{date.day}",
        "day2": f"{date.day:02d}",
    }


def _english_fields(date: datetime.date) -> dict[str, str]:
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(date.day % 10, "th")
    if date.day in (11, 12, 13):
        suffix = "th"
    century, rest = divmod(date.year, 100)
    thousands = "two thousand" if century == 20 else "nineteen hundred"
    long_year = f"{thousands} and {_number_words(rest)}" if rest else thousands
    short_year = f"{_number_words(century)} {_number_words(rest)}"
    return {
        "month_name": _MONTHS[date.month - 1],
        "month_short": _MONTHS[date.month - 1][:3],
        "month_dotted": _MONTHS_DOTTED[date.month - 1],
        "weekday": _WEEKDAYS[date.weekday()],
        "weekday_short": _WEEKDAYS[date.weekday()][:3],
        "weekday_dotted": _WEEKDAYS_DOTTED[date.weekday()],
        "ordinal": f"{date.day}{suffix}",
        "day_words": _ordinal_words(date.day),
        "year_words": short_year if rest >= 10 else long_year,
        "year_words_long": long_year,
    }


def _korean_fields(date: datetime.date) -> dict[str, str]:
    return {
        "ko_year": _korean_number(date.year),
        "ko_digits": "".join(_KOREAN_DIGITS[int(digit)] for digit in str(date.year)),
        "ko_month": _KOREAN_MONTHS[date.month - 1],
        "ko_day": _korean_number(date.day),
        "ko_weekday": "월화수목금토일"[date.weekday()],
        "hanja_weekday": "月火水木金土日"[date.weekday()],
    }


def _number_words(number: int) -> str:
    """Spell a number below 100: 21 -> "twenty-one"."""
    if number < len(_NUMBERS):
        return _NUMBERS[number]
    tens, ones = divmod(number, 10)
    return f"{_TENS[tens]}-{_NUMBERS[ones]}" if ones else _TENS[tens]


def _ordinal_words(number: int) -> str:
    """Spell the ordinal of a number below 100: 21 -> "twenty-first"."""
    head, hyphen, last = _number_words(number).rpartition("-")
    return f"{head}{hyphen}{_ORDINALS.get(last, last + 'th')}"


def _korean_number(number: int) -> str:
    """Spell a number below 10,000 the Sino-Korean way: 2021 -> "이천이십일"."""
    words = ""
    for unit, name in ((1000, "천"), (100, "백"), (10, "십"), (1, "")):
        digit, number = divmod(number, unit)
        if digit:
            # One is not said before a unit: 천구백, not 일천구백.
            words += ("" if digit == 1 and name else _KOREAN_DIGITS[digit]) + name
    return words
