"""The speed of this machine is measured."""

from keras_s2s.training.machine import ProductSpeed, product_speed


def test_the_speed_is_that_of_the_product_and_measured_once() -> None:
    product_speed.cache_clear()
    first = product_speed(64, 64)
    assert 1e6 < first.float32 < 1e15
    assert 1e6 < first.bfloat16 < 1e15
    assert product_speed(64, 64) is first
    product_speed.cache_clear()


def test_the_ratio_says_how_much_faster_bfloat16_is() -> None:
    assert ProductSpeed(float32=2.0, bfloat16=3.0).ratio == 1.5
