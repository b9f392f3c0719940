"""Export formats for trained translators, one file and one function each.

The folder is installed as `keras_s2s.export`; import it by that name only.
"""

from .litert import litert as litert
from .onnx import onnx as onnx
from .runners import LiteRTTranslator as LiteRTTranslator
from .runners import OnnxTranslator as OnnxTranslator
