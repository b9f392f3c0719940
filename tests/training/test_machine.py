"""The speed of this machine is measured."""

import os
from pathlib import Path

import pytest

from keras_s2s.training.machine import ProductSpeed, product_speed, thread_limit


def test_the_speed_is_that_of_the_product_and_measured_once() -> None:
    product_speed.cache_clear()
    first = product_speed(64, 64)
    assert 1e6 < first.float32 < 1e15
    assert 1e6 < first.bfloat16 < 1e15
    assert product_speed(64, 64) is first
    product_speed.cache_clear()


def test_the_ratio_says_how_much_faster_bfloat16_is() -> None:
    assert ProductSpeed(float32=2.0, bfloat16=3.0).ratio == 1.5


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "max 100000"}, None),
        ({"cpu.max": "200000 100000"}, 2),
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "10000 100000"}, 1),
        ({"cpu.max": "6400000 100000"}, None),
        ({"cpu.max": "two"}, None),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
        ({"cpu/cpu.cfs_quota_us": "300000"}, None),
        ({}, None),
    ],
)
def test_the_quota_of_a_container_limits_the_threads(
    files: dict[str, str], expected: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    assert thread_limit(tmp_path) == expected
