"""The command line: `keras-s2s train | translate | evaluate | demo`."""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from keras_s2s.recipe import Recipe

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Sequence-to-sequence models with attention: train, translate, evaluate.",
)

DEFAULT = Recipe()
# Typer carries Click within itself, or asks for it, depending on its version.
ClickException = typer.BadParameter.__mro__[2]
Output = Annotated[Path, typer.Option(help="Folder for the model; a new one, or one to replace.")]
Model = Annotated[Path, typer.Option(help="Folder of a trained model.")]
OptionalFile = Annotated[Path | None, typer.Option()]
Beam = Annotated[int | None, typer.Option(min=1, help="Width of the beam; 1 is greedy.")]


@app.command()
def demo(output: Output = Path("demo")) -> None:
    """Train on written dates, in English and Korean, in a few minutes, and look at the result."""
    from keras_s2s.demo import run_demo

    _load_tensorflow()
    run_demo(output)


@app.command()
def train(
    output: Output,
    source: OptionalFile = None,
    target: OptionalFile = None,
    tsv: Annotated[Path | None, typer.Option(help="Both sides in one file, a TAB between.")] = None,
    valid_source: OptionalFile = None,
    valid_target: OptionalFile = None,
    valid_tsv: OptionalFile = None,
    source_tokenizer: Annotated[
        str, typer.Option(help="sentencepiece, word or character.")
    ] = DEFAULT.source_tokenizer,
    target_tokenizer: Annotated[
        str | None, typer.Option(help="As --source-tokenizer, whose kind is the default.")
    ] = None,
    vocabulary_size: Annotated[int, typer.Option(min=5)] = DEFAULT.vocabulary_size,
    joint_vocabulary: Annotated[
        bool, typer.Option(help="One SentencePiece vocabulary for both sides, or one each.")
    ] = DEFAULT.joint_vocabulary,
    source_normalization: Annotated[
        str, typer.Option(help="Unicode form: NFC, NFKC or NFD.")
    ] = DEFAULT.source_normalization,
    target_normalization: str = DEFAULT.target_normalization,
    subword_sampling: Annotated[
        float, typer.Option(min=0, max=1, help="Draw SentencePiece's pieces anew in each epoch.")
    ] = DEFAULT.subword_sampling,
    cell: Annotated[str, typer.Option(help="lstm or gru.")] = DEFAULT.cell,
    units: Annotated[int, typer.Option(min=1)] = DEFAULT.units,
    embedding: Annotated[int, typer.Option(min=1)] = DEFAULT.embedding,
    layers: Annotated[int, typer.Option(min=1)] = DEFAULT.layers,
    attention: Annotated[str, typer.Option(help="luong, bahdanau or none.")] = DEFAULT.attention,
    score: Annotated[str, typer.Option(help="dot, general or concat.")] = DEFAULT.score,
    input_feeding: bool = DEFAULT.input_feeding,
    dropout: float = DEFAULT.dropout,
    label_smoothing: float = DEFAULT.label_smoothing,
    batch_tokens: Annotated[int, typer.Option(min=1)] = DEFAULT.batch_tokens,
    epochs: Annotated[int, typer.Option(min=1)] = DEFAULT.epochs,
    minutes: Annotated[float | None, typer.Option(help="Training time at most.")] = None,
    patience: Annotated[int, typer.Option(min=1)] = DEFAULT.patience,
    learning_rate: float = DEFAULT.learning_rate,
    averaging: Annotated[
        float, typer.Option(help="Momentum of the weights' moving average; 0 for none.")
    ] = DEFAULT.averaging,
    precision: Annotated[
        str, typer.Option(help="float32, bfloat16 or float16.")
    ] = DEFAULT.precision,
    seed: Annotated[int, typer.Option(min=0)] = DEFAULT.seed,
) -> None:
    """Train a model on two parallel files, or on one file with TABs, and save it in a folder."""
    from keras_s2s import recipe

    given = locals()
    chosen = Recipe(**{field.name: given[field.name] for field in fields(Recipe)})
    pairs = _read_pairs("", source, target, tsv)
    valid_pairs = _read_pairs("valid-", valid_source, valid_target, valid_tsv)
    _load_tensorflow()
    recipe.train(pairs, valid_pairs, output, chosen, report=_say)
    _say(f"saved in {output}")


@app.command()
def translate(
    model: Model,
    input: Annotated[Path, typer.Option(help="A text on each line.")] = Path("-"),
    output: Annotated[Path, typer.Option(help="Where the answers go.")] = Path("-"),
    beam: Beam = None,
    n_best: Annotated[
        int, typer.Option(min=1, help="Answers to each line, each behind the line's number.")
    ] = 1,
    scores: Annotated[bool, typer.Option(help="A score and a TAB before each answer.")] = False,
    attention_plot: Annotated[
        Path | None, typer.Option(help="Draw where the first line's answer looked.")
    ] = None,
) -> None:
    """Translate each line of a file, or of the standard input."""
    from keras_s2s.text.corpus import read_lines

    lines = read_lines(str(input))
    _load_tensorflow()
    from keras_s2s.inference.translator import Translator

    translator = Translator.load(model)
    answers = translator.stream(
        lines,
        beam_size=beam,
        n_best=n_best,
        attention=attention_plot is not None,
        progress=sys.stderr.isatty() and str(output) != "-",
    )
    with _whole_file(output) as file:
        for number, found in enumerate(answers, 1):
            if attention_plot is not None and found[0].weights is not None:
                _draw_attention(found[0], attention_plot)
                attention_plot = None
            for answer in found:
                head = [str(number)] if n_best > 1 else []
                head += [f"{answer.score:.6f}"] if scores else []
                print(*head, answer.text, sep="\t", file=file)
    if attention_plot is not None:
        _say("no picture was drawn: there was no line with text")


@app.command()
def evaluate(
    model: Model,
    source: OptionalFile = None,
    target: OptionalFile = None,
    tsv: OptionalFile = None,
    beam: Beam = None,
    length_penalty: Annotated[float | None, typer.Option()] = None,
    language: Annotated[str, typer.Option(help="Of the target, for Moses' tokenizer.")] = "en",
    json: Annotated[Path | None, typer.Option(help="Write the figures here as well.")] = None,
    output: Annotated[Path | None, typer.Option(help="Write the answers here.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw BLEU by length here.")] = None,
) -> None:
    """Translate a corpus and score the answers against its targets."""
    from keras_s2s.evaluation.by_length import length_table, score_by_length
    from keras_s2s.evaluation.scores import score

    sources, targets = zip(*_read_pairs("", source, target, tsv, keep_all=True), strict=True)
    _load_tensorflow()
    from keras_s2s.inference.translator import Translator

    translator = Translator.load(model)
    start = time.monotonic()
    found = translator.stream(
        sources, beam_size=beam, length_penalty=length_penalty, progress=sys.stderr.isatty()
    )
    best = [answers[0] for answers in found]
    seconds = time.monotonic() - start
    answers = [answer.text for answer in best]
    figures = score(answers, targets, language=language).to_dict() | {"seconds": seconds}
    lengths = [len(answer.source_pieces) for answer in best]
    rows = score_by_length(answers, targets, lengths, language=language)
    for name, value in figures.items():
        print(f"{name}: {value:.4f}" if isinstance(value, float) else f"{name}: {value}")
    print(f"\nby source length in tokens\n{length_table(rows)}")
    if output is not None:
        with _whole_file(output) as file:
            file.writelines(f"{answer}\n" for answer in answers)
    if json is not None:
        _write_json(json, figures | {"by_length": [row.to_dict() for row in rows]})
    if plot is not None:
        from keras_s2s.evaluation.plots import score_by_length_plot

        score_by_length_plot(rows, plot)


def _read_pairs(
    side: str, source: Path | None, target: Path | None, tsv: Path | None, *, keep_all: bool = False
) -> list[tuple[str, str]]:
    from keras_s2s.text.corpus import Corpus

    if tsv is not None and source is None and target is None:
        corpus = Corpus.from_tsv(str(tsv), keep_all=keep_all)
    elif tsv is None and source is not None and target is not None:
        corpus = Corpus(str(source), str(target), keep_all=keep_all)
    else:
        raise ValueError(f"give --{side}source and --{side}target, or --{side}tsv")
    pairs = list(corpus)
    _say(str(corpus.report))
    if not pairs:
        raise ValueError(f"there is no pair in {source or tsv}")
    return pairs


def _draw_attention(answer: Any, path: Path) -> None:
    from keras_s2s.evaluation.plots import attention_heatmap

    attention_heatmap(answer.weights, answer.source_pieces, answer.target_pieces, path)


def _load_tensorflow() -> None:
    """Import it without its remarks on the machine, which no setting silences; errors still raise."""
    sys.stderr.flush()
    standard_error = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    try:
        import tensorflow as tf

        tf.config.list_physical_devices()
        with suppress(ImportError):
            import tensorflow_text  # noqa: F401
        tf.zeros(1)
    finally:
        os.dup2(standard_error, 2)
        os.close(standard_error)
        os.close(silence)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _write_json(path: Path, value: Any) -> None:
    with _whole_file(path) as file:
        file.write(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


@contextmanager
def _whole_file(path: Path) -> Iterator[TextIO]:
    """The standard output for "-"; else a file that appears under its name once it is whole."""
    if str(path) == "-":
        yield sys.stdout
        return
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def main(arguments: Iterable[str] | None = None) -> None:
    """Run the command line; a user's mistake is told in one line and ends with status 2."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.showwarning = lambda message, *_, **__: _say(f"warning: {message}")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8")
    try:
        status = app(None if arguments is None else list(arguments), standalone_mode=False)
    except ClickException as error:
        _say(f"error: {error.format_message()}")
        sys.exit(2)
    except (ValueError, TypeError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        _say(f"error: {error}")
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        _say("stopped")
        sys.exit(130)
    sys.exit(status if isinstance(status, int) else 0)
