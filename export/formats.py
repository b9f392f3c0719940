"""The export formats, one record each.

A new format is a folder beside this file and a row in the table. The rows name functions and
classes instead of importing them, so that every module may read the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple


class Reference(NamedTuple):
    """A function or class of this package, imported when it is needed."""

    module: str  # Relative to this package.
    name: str

    def load(self) -> Any:
        """Import and return it."""
        return getattr(import_module(f".{self.module}", __package__), self.name)


@dataclass(frozen=True, kw_only=True)
class Format:
    """What the rest of the package needs to know of an export format.

    Attributes:
        name: Name of the format: "kind" in a manifest, `--format` on the command line, and the
            function in `keras_s2s.export`.
        export: `export(translator, folder, *, samples, **options) -> manifest`.
        check: `check(folder, **options) -> folder`: raises if the options are invalid or a package
            is missing, and returns the folder that the export will be written to.
        runner: The class that translates with such an export.
        options: Names of the options of `export` and `check`, which are also those of the command
            line.
        files: Files that every export of the format has, besides its tokenizers.
        tokenizers: Prefix of the folders of the tokenizers.
        extra: The optional dependencies of keras-s2s that the format needs: `keras-s2s[EXTRA]`.
        packages: Modules of these dependencies, with what each is needed for.
        is_sound: `is_sound(manifest) -> bool`, for the entries that only this format has.
        next_step: `next_step(folder) -> str`, a line to print after an export.
        needs_tensorflow: Whether the runner imports TensorFlow.
    """

    name: str
    export: Reference
    check: Reference
    runner: Reference
    options: tuple[str, ...]
    files: frozenset[str]
    tokenizers: str = ""
    extra: str
    packages: Mapping[str, str] = field(hash=False)
    is_sound: Reference | None = None
    next_step: Reference | None = None
    needs_tensorflow: bool = False

    def check_installed(self, *modules: str) -> None:
        """Raise ImportError unless packages are installed.

        Args:
            *modules: Some of `packages`; none for all.
        """
        for module in modules or self.packages:
            if find_spec(module) is None:
                raise ImportError(self.missing(module))

    def missing(self, module: str) -> str:
        """The message of the ImportError for a module of `packages`."""
        return (
            f"{self.packages[module]}. Install it: pip install 'keras-s2s[{self.extra}]', or "
            f"pip install '.[{self.extra}]' in a clone"
        )


LITERT = Format(
    name="litert",
    export=Reference("litert.export", "litert"),
    check=Reference("litert.export", "check_litert"),
    runner=Reference("runners", "LiteRTTranslator"),
    options=("quantize", "lengths", "max_length"),
    files=frozenset({"model.tflite"}),
    extra="litert",
    packages={"ai_edge_litert": "LiteRT models need ai-edge-litert"},
    is_sound=Reference("litert.runtimes", "is_sound"),
)
ONNX = Format(
    name="onnx",
    export=Reference("onnx.export", "onnx"),
    check=Reference("onnx.export", "check_onnx"),
    runner=Reference("runners", "OnnxTranslator"),
    options=("quantize",),
    files=frozenset({"encoder.onnx", "decode_step.onnx"}),
    extra="onnx",
    packages={
        "tf2onnx": "tf2onnx writes ONNX",
        "onnx": "tf2onnx writes ONNX",
        "onnxruntime": "ONNX models need onnxruntime",
    },
)
SAVED_MODEL = Format(
    name="saved_model",
    export=Reference("saved_model.export", "saved_model"),
    check=Reference("saved_model.export", "check_saved_model"),
    runner=Reference("runners", "SavedModelTranslator"),
    options=("version",),
    files=frozenset(
        {
            "saved_model.pb",
            "variables/variables.index",
            "variables/variables.data-00000-of-00001",
        }
    ),
    tokenizers="assets/",
    extra="serving",
    packages={"tensorflow_serving": "Warm-up requests are made with tensorflow-serving-api"},
    next_step=Reference("saved_model.serving_files", "serving_line"),
    needs_tensorflow=True,
)
FORMATS: Mapping[str, Format] = {one.name: one for one in (LITERT, ONNX, SAVED_MODEL)}
