"""`python -m tests.docs.images [RUN]`: the pictures in docs/images/, taken from a run's --output with Chromium.

The pictures in the README are those of the demo: run `pytest`, then this.
"""

from __future__ import annotations

import html
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image, ImageChops

IMAGES = Path(__file__).parents[2] / "docs" / "images"
LATEST = Path("reports/latest")
FAILURE = "test_bias[SmolLM2-135M-Instruct-natural_query]"
HEAD_SIZE = 1100, 1090
FAILURE_SIZE = 1100, 900
MARGIN = 16
TERMINAL = """<!doctype html><meta charset="utf-8"><style>
body { background: #16191d; margin: 16px }
pre { color: #e6e6e6; font: 14px/1.5 "DejaVu Sans Mono", monospace; white-space: pre-wrap; overflow-wrap: anywhere }
.claim { color: #ff8f7a; font-weight: bold }
</style><pre>"""


def main(run: Path) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    _shoot(run / "report.html", IMAGES / "report.png", HEAD_SIZE)
    with tempfile.TemporaryDirectory() as temporary:
        page = Path(temporary) / "failure.html"
        page.write_text(terminal(failure(run / "junit.xml", FAILURE)), encoding="utf-8")
        _shoot(page, IMAGES / "failure.png", FAILURE_SIZE)
    _crop(IMAGES / "failure.png")


def failure(junit: Path, test: str) -> str:
    """The text that pytest printed for a failed test. Raises StopIteration where it did not fail."""
    cases = ElementTree.parse(junit).iter("testcase")
    return next(case.findtext("failure", "") for case in cases if case.get("name") == test)


def terminal(text: str) -> str:
    """A page that shows `text` as a terminal does, with the claim in colour."""
    lines = [html.escape(line) for line in text.strip().splitlines()]
    return TERMINAL + "\n".join(
        f'<span class="claim">{line}</span>' if line.startswith("E   assert") else line for line in lines
    )


def _shoot(page: Path, picture: Path, size: tuple[int, int]) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("there is no chromium: apt-get install chromium")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    window = f"--window-size={size[0]},{size[1]}"
    command = [chromium, *options, window, f"--screenshot={picture}", page.resolve().as_uri()]
    subprocess.run(command, check=True, capture_output=True)


def _crop(picture: Path) -> None:
    """Cut the empty lower part of a picture away."""
    with Image.open(picture) as opened:
        image = opened.convert("RGB")
    empty = Image.new("RGB", image.size, image.getpixel((0, 0)))
    box = ImageChops.difference(image, empty).getbbox()
    assert box is not None, f"{picture} is empty"
    image.crop((0, 0, image.width, min(image.height, box[3] + MARGIN))).save(picture, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else LATEST)
