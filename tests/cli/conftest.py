"""Commands of one process share what they load: most of a translation's time builds graphs."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from keras_s2s import Translator
from keras_s2s.cli.main import main


def call(*words: object) -> int:
    """The status that a command ends with.

    Args:
        *words: Its words, without `keras-s2s`.
    """
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    assert isinstance(left.value.code, int)
    return left.value.code


@pytest.fixture(scope="module", autouse=True)
def loaded_once() -> Iterator[None]:
    """A translator is loaded once for as long as no file of its folder changes."""
    load, found = Translator.load, {}

    def load_once(
        folder: str | Path, custom_objects: Mapping[str, Any] | None = None
    ) -> Translator:
        folder = Path(folder)
        states = [(str(path), path.stat().st_mtime_ns) for path in sorted(folder.rglob("*.*"))]
        key = folder.resolve(), *states
        if not states or custom_objects:
            return load(folder, custom_objects)
        if key not in found:
            found[key] = load(folder)
        return found[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Translator, "load", load_once)
        yield
