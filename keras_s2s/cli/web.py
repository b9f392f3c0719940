"""The command `keras-s2s web`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

from keras_s2s.cli.devices import ended_by_sigterm
from keras_s2s.cli.options import File, about


def web(
    model: Annotated[Path, about("Output folder of keras-s2s export --format litert.", "DIR")],
    port: Annotated[
        int, about("Port on this machine; 0 chooses a free one.", "N", min=0, max=65535)
    ] = 8000,
    output: Annotated[
        File, about("Write the page to this folder, for any static host, and do not serve.", "DIR")
    ] = None,
) -> None:
    """Run a LiteRT export in a browser. Serves a web page, or writes it for a static host."""
    from keras_s2s.export.web.export import site_files
    from keras_s2s.export.web.export import web as write_page
    from keras_s2s.export.web.server import server

    if (model / "translator.json").is_file():
        raise ValueError(
            "--model must be an export for LiteRT. Received: a trained model; export it first: "
            f"keras-s2s export --model {model} --format litert --output {model}-litert"
        )
    if output is not None:
        with ended_by_sigterm():
            sizes = write_page(model, output)
        print(f"the page is in {output}: {len(sizes)} files, {sum(sizes.values()) / 1e6:.1f} MB")
        print(f"try: python3 -m http.server --bind 127.0.0.1 --directory {output}")
        return
    with ended_by_sigterm():
        files = site_files(model)
    with server(files, port) as serving, suppress(KeyboardInterrupt):
        print(f"http://127.0.0.1:{serving.server_port}/ has the page; Ctrl-C ends it", flush=True)
        serving.serve_forever()
