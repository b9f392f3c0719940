"""A lock is held by one process, and by none that has ended."""

import subprocess
import sys
from pathlib import Path

import pytest

from keras_s2s.files.file_lock import locked

HOLDER = """
import sys
from pathlib import Path
from keras_s2s.files.file_lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_it_keeps_another_process_out_until_its_holder_ends_or_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-W", "ignore", "-c", HOLDER, str(path)]
    for ends in (lambda holder: holder.stdin.close(), lambda holder: holder.kill()):
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            with pytest.raises(ValueError, match=r"another one at work, which holds .*lock"):
                locked(path).__enter__()
            ends(holder)
            holder.wait()
        with locked(path):
            assert path.exists()
        assert not path.exists()
