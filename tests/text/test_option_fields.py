"""An option is stated once; its checks and its documentation are made from that."""

import math
from dataclasses import dataclass, fields
from typing import Any

import pytest

from keras_s2s.text.option_fields import (
    POSITIVE,
    PROBABILITY,
    as_json,
    at_most,
    between,
    check_options,
    documented,
    option,
    options_of,
)
from keras_s2s.text.options import TextOptions


@documented
@dataclass(frozen=True, kw_only=True)
class Oven:
    """How to bake."""

    device: Any = None
    heat: str = option("top", help="Where it is hot.", group="model", choices=("top", "fan"))
    degrees: int = option(
        200, help="How hot it is.", group="model", bounds=(POSITIVE, at_most(20_000))
    )
    speed: float = option(
        1.5,
        help="Turns of the fan.",
        group="run",
        bounds=(between(1, 30_000),),
        only_with=("heat", ("fan",)),
    )
    steam: float | None = option(None, help="Share of it.", group="run", bounds=(PROBABILITY,))

    def __post_init__(self) -> None:
        check_options(self)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"heat": "below"}, r"`heat` must be one of \('top', 'fan'\). Received: heat='below'"),
        ({"degrees": 0}, "`degrees` must be positive. Received: degrees=0"),
        ({"degrees": 20_001}, "`degrees` must be at most 20,000. Received: degrees=20001"),
        ({"heat": "fan", "speed": 0.5}, "`speed` must be from 1 to 30,000. Received: speed=0.5"),
        ({"heat": "fan", "speed": math.nan}, "speed=nan"),
        ({"speed": 2.0}, "where `heat` is not 'fan'. Received: speed=2.0 with heat='top'"),
        ({"steam": 1.0}, "`steam` must be at least 0 and below 1. Received: steam=1.0"),
    ],
)
def test_a_value_that_cannot_be_is_told(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Oven(**wrong)


@pytest.mark.parametrize("wrong", [{"degrees": 2.5}, {"degrees": True}, {"heat": None}], ids=str)
def test_a_value_of_another_type_is_told(wrong: dict[str, Any]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(TypeError, match=f"`{name}` must be .* Received: {name}={value!r}"):
        Oven(**wrong)


def test_what_may_be_is_taken_as_it_is() -> None:
    oven = Oven(heat="fan", speed=3, degrees=20_000, steam=0)
    assert (oven.heat, oven.speed, oven.degrees, oven.steam) == ("fan", 3, 20_000, 0)
    assert Oven(device=object()) and Oven().steam is None


def test_an_option_of_several_texts_is_a_tuple_and_a_list_in_json() -> None:
    options = TextOptions(protect=["<a>", "<b>"])  # pyright: ignore[reportArgumentType]
    assert options.protect == ("<a>", "<b>") and options == TextOptions(protect=("<a>", "<b>"))
    assert as_json(options)["protect"] == ["<a>", "<b>"]
    for wrong in ("<a>", [1], None):
        with pytest.raises(TypeError, match="`protect` must be tuple.* Received: protect="):
            TextOptions(protect=wrong)  # pyright: ignore[reportArgumentType]


def test_the_docstring_lists_the_options() -> None:
    assert str(Oven.__doc__).splitlines() == [
        "How to bake.",
        "",
        "Attributes:",
        "    heat: Where it is hot. One of 'top', 'fan'.",
        "    degrees: How hot it is.",
        "    speed: Turns of the fan.",
        "    steam: Share of it.",
    ]


def test_a_field_that_states_nothing_is_no_option() -> None:
    assert [field.name for field in fields(Oven)][0] == "device"
    assert [field.name for field, _ in options_of(Oven)] == ["heat", "degrees", "speed", "steam"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"source_tokenizer": "bytes"}, "`source_tokenizer` must be one of"),
        ({"target_normalization": "nfc"}, "`target_normalization` must be one of"),
        ({"vocabulary_size": 4}, "`vocabulary_size` must be at least 5"),
    ],
)
def test_tokenizers_alone_are_checked_too(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TextOptions(**wrong)
