"""In a process that was forked after a model had been made, another one is refused."""

import os
import time

import pytest

from keras_s2s import Decoder, Encoder, Seq2Seq


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_model_is_refused_where_it_would_hang() -> None:
    if not hasattr(os, "fork"):
        pytest.skip("No process is forked on this system.")
    Seq2Seq(Encoder(9, 4), Decoder(9, 4))
    child = os.fork()
    if child == 0:
        try:
            Seq2Seq(Encoder(9, 4), Decoder(9, 4))
        except RuntimeError as error:
            os._exit(7 if "forked after one had been made" in str(error) else 8)
        finally:
            os._exit(9)
    deadline = time.monotonic() + 60
    while (found := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, 9)
            os.waitpid(child, 0)
            pytest.fail("the forked process hangs")
        time.sleep(0.01)
    assert os.waitstatus_to_exitcode(found[1]) == 7
