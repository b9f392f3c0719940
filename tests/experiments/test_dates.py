"""The dates of the demo: real readings, one right answer each, and no day in two splits."""

import datetime
import re
import unicodedata
from collections.abc import Iterable

import pytest

from keras_s2s.experiments.dates import (
    ENGLISH_FORMS,
    FIRST_DATE,
    KOREAN_FORMS,
    LAST_DATE,
    all_dates,
    date_splits,
    make_dates,
    write_date,
)

FORMS = ENGLISH_FORMS + KOREAN_FORMS

# Fields that the standard library can read back by itself.
DIRECTIVES = {
    "year": "%Y",
    "month": "%m",
    "month2": "%m",
    "day": "%d",
    "day2": "%d",
    "month_name": "%B",
    "month_short": "%b",
    "weekday": "%A",
    "weekday_short": "%a",
}
READABLE = [form for form in FORMS if set(re.findall(r"{(\w+)}", form)) <= set(DIRECTIVES)]


def directives(form: str) -> str:
    return form.format_map(DIRECTIVES)


@pytest.mark.parametrize(
    ("date", "form", "text"),
    [
        ("2021-03-03", "{weekday_short}, {month_short} {ordinal} '{yy}", "Wed, Mar 3rd '21"),
        ("2021-03-03", "the {ordinal} of {month_name}, {year}", "the 3rd of March, 2021"),
        ("2021-03-03", "{month}/{day}/{yy}", "3/3/21"),
        ("2021-03-14", "{month}/{day}/{year}", "3/14/2021"),
        ("2021-03-14", "{day}.{month}.{yy}", "14.3.21"),
        ("1999-09-12", "{month_dotted} {day}, {year}", "Sept. 12, 1999"),
        ("1999-09-12", "{month_name} {ordinal}, {year}", "September 12th, 1999"),
        ("2024-02-29", "{weekday_dotted} {month_name} {ordinal}", "Thurs. February 29th"),
        ("2049-12-31", "{month_name} {ordinal} {year}", "December 31st 2049"),
        ("2021-05-22", "{month_name} {ordinal} {year}", "May 22nd 2021"),
        ("1950-01-13", "the {ordinal} of {month_name}", "the 13th of January"),
        ("2021-03-03", "{month_name} {day_words}, {year_words}", "March third, twenty twenty-one"),
        ("1984-08-21", "{day_words} {year_words}", "twenty-first nineteen eighty-four"),
        ("2000-08-20", "{day_words} {year_words}", "twentieth two thousand"),
        ("2007-08-12", "{day_words} {year_words}", "twelfth two thousand and seven"),
        ("2010-08-30", "{day_words} {year_words}", "thirtieth twenty ten"),
        ("2010-08-05", "{day_words} {year_words_long}", "fifth two thousand and ten"),
        ("1950-08-09", "{day_words} {year_words_long}", "ninth nineteen hundred and fifty"),
        ("2021-03-03", "{year}년 {month}월 {day}일 {ko_weekday}요일", "2021년 3월 3일 수요일"),
        ("2021-03-03", "{yy}. {month}. {day}.", "21. 3. 3."),
        ("2021-03-03", "{ko_year}년 {ko_month}월 {ko_day}일", "이천이십일년 삼월 삼일"),
        ("1950-06-10", "{ko_year}년 {ko_month}월 {ko_day}일", "천구백오십년 유월 십일"),
        ("1999-10-31", "{ko_year}년 {ko_month}월 {ko_day}일", "천구백구십구년 시월 삼십일일"),
        ("2000-11-20", "{ko_year} 년 {ko_month} 월 {ko_day} 일", "이천 년 십일 월 이십 일"),
        ("2010-12-11", "{ko_digits}년 {ko_month}월 {ko_day}일", "이공일공년 십이월 십일일"),
        ("2021-03-06", "{year}年 {month}月 {day}日({hanja_weekday})", "2021年 3月 6日(土)"),
    ],
)
def test_a_date_reads_as_people_write_it(date: str, form: str, text: str) -> None:
    assert write_date(datetime.date.fromisoformat(date), form) == text


def test_there_are_dozens_of_forms_in_each_language() -> None:
    assert len(set(ENGLISH_FORMS)) == len(ENGLISH_FORMS) >= 30
    assert len(set(KOREAN_FORMS)) == len(KOREAN_FORMS) >= 30
    hangul = re.compile("[가-힣]")
    date = datetime.date(2021, 3, 3)
    assert not any(hangul.search(write_date(date, form)) for form in ENGLISH_FORMS)


@pytest.mark.parametrize("form", READABLE)
def test_the_standard_library_reads_a_form_back(form: str) -> None:
    for date in all_dates()[::97]:
        text = write_date(date, form)
        assert datetime.datetime.strptime(text, directives(form)).date() == date
        if "%A" in directives(form) or "%a" in directives(form):
            assert date.strftime("%A" if "%A" in directives(form) else "%a") in text


def test_the_standard_library_reads_many_forms() -> None:
    assert len(READABLE) >= 40


def texts_with_two_answers(dates: Iterable[datetime.date]) -> list[str]:
    """Written dates that stand for several days, letter case aside."""
    answers: dict[str, int] = {}
    wrong = []
    for date in dates:
        for form in FORMS:
            text = write_date(date, form).lower()
            if answers.setdefault(text, date.toordinal()) != date.toordinal():
                wrong.append(text)
    return wrong


def test_no_text_has_two_answers_where_year_month_and_day_look_alike() -> None:
    # Up to 12, two digits may be those of a year, a month or a day.
    dates = [date for date in all_dates() if max(date.year % 100, date.day) <= 12]
    assert texts_with_two_answers(dates) == []


@pytest.mark.slow  # All days of a century.
def test_no_text_has_two_answers_on_any_day() -> None:
    assert texts_with_two_answers(all_dates()) == []


def test_the_range_gives_every_two_digits_one_year() -> None:
    years = [date.year % 100 for date in all_dates() if (date.month, date.day) == (1, 1)]
    assert sorted(years) == list(range(100))
    assert (all_dates()[0], all_dates()[-1]) == (FIRST_DATE, LAST_DATE)


def test_made_dates_use_every_form_and_letter_case() -> None:
    date = datetime.date(2021, 3, 6)
    texts = {text for text, _ in make_dates(5000, seed=3, dates=[date])}
    plain = {write_date(date, form) for form in FORMS}
    assert plain <= texts
    cases = {text.lower() for text in plain} | {text.upper() for text in plain}
    assert texts <= plain | cases
    assert "march 6, 2021" in texts and "MARCH 6, 2021" in texts


def test_half_of_the_made_dates_are_korean() -> None:
    date = datetime.date(2021, 3, 6)
    korean = {write_date(date, form) for form in KOREAN_FORMS}
    made = [text in korean for text, _ in make_dates(4000, seed=4, dates=[date])]
    assert 0.45 < sum(made) / len(made) < 0.55


def test_made_dates_are_normalized_and_have_no_outer_or_double_blanks() -> None:
    for text, answer in make_dates(3000, seed=5):
        assert unicodedata.normalize("NFC", text) == text == " ".join(text.split())
        assert datetime.date.fromisoformat(answer).isoformat() == answer


def test_the_splits_share_no_day() -> None:
    train, valid, test = (
        {answer for _, answer in split} for split in date_splits(1, train_count=60_000)
    )
    assert not train & valid and not train & test and not valid & test


def test_the_splits_have_the_sizes_asked_for() -> None:
    splits = date_splits(1, train_count=300, valid_count=20, test_count=10)
    assert [len(split) for split in splits] == [300, 20, 10]


def test_a_seed_decides_the_splits() -> None:
    first, again, other = (date_splits(seed, train_count=500) for seed in (1, 1, 2))
    assert first == again
    assert first.train != other.train and first.test != other.test


@pytest.mark.parametrize("dates", [[], [datetime.date(1949, 12, 31)], [datetime.date(2050, 1, 1)]])
def test_days_whose_year_two_digits_do_not_name_are_refused(dates: list[datetime.date]) -> None:
    with pytest.raises(
        ValueError, match="from 1950-01-01 to 2049-12-31.*Received: (none|days from )"
    ):
        make_dates(1, seed=1, dates=dates)
