"""Export formats for trained translators: a folder, a function and a runner class each.

The folder is installed as `keras_s2s.export`; import it by that name only. The function of a format
has the name of its folder and takes its place here, so the modules of these functions are imported
at once and must be light. The runners are imported when they are first used.
"""

from typing import TYPE_CHECKING

from .formats import FORMATS
from .web.export import web as web

if TYPE_CHECKING:
    from .litert.export import litert as litert
    from .onnx.export import onnx as onnx
    from .runners import LiteRTTranslator as LiteRTTranslator
    from .runners import OnnxTranslator as OnnxTranslator
    from .runners import SavedModelTranslator as SavedModelTranslator
    from .saved_model.export import saved_model as saved_model


def _load(name: str) -> object:
    for form in FORMATS.values():
        if name == form.runner.name:
            globals()[name] = form.runner.load()
            return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if not TYPE_CHECKING:
    globals().update({name: form.export.load() for name, form in FORMATS.items()})
    __all__ = [*FORMATS, "web", *(form.runner.name for form in FORMATS.values())]
    __getattr__ = _load
