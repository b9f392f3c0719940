"""Export formats for trained translators, one file and one function each.

The folder is installed as `keras_s2s.export`; import it by that name only. A format's function has
its module's name and takes its place here, so the modules of formats load at once and must be
light; the runners load when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .litert.export import litert as litert
from .onnx.export import onnx as onnx
from .saved_model.export import saved_model as saved_model
from .web.export import web as web

if TYPE_CHECKING:
    from .runners import LiteRTTranslator as LiteRTTranslator
    from .runners import OnnxTranslator as OnnxTranslator
    from .runners import SavedModelTranslator as SavedModelTranslator

RUNNERS = ("LiteRTTranslator", "OnnxTranslator", "SavedModelTranslator")
__all__ = [
    "LiteRTTranslator",
    "OnnxTranslator",
    "SavedModelTranslator",
    "litert",
    "onnx",
    "saved_model",
    "web",
]


def _load(name: str) -> object:
    if name not in RUNNERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = getattr(import_module(".runners", __name__), name)
    return globals()[name]


if not TYPE_CHECKING:
    __getattr__ = _load
