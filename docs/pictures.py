"""Take the pictures of pages: docs/images/report.png, frontier.png and size.png.

    python docs/pictures.py

Photographs, in headless Chromium, what `make demo` and `make bench` left in demo-out/ and
bench-out/; without a page its picture stays unchanged. Pictures of the dashboard are taken
by docs/screenshots.py.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
PICTURES = {  # name: (page, width, height)
    "report": ("demo-out/bundle/report.html", 1200, 1012),
    "frontier": ("demo-out/frontier.html", 1100, 720),
    "size": ("bench-out/size.html", 1100, 840),
}


def photograph(page: Path, picture: Path, width: int, height: int) -> None:
    """Save the top of a page as a picture."""
    browser = shutil.which("chromium")
    if browser is None:
        sys.exit("no chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                browser,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--no-first-run",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                f"--user-data-dir={folder}",
                f"--window-size={width},{height}",
                f"--screenshot={picture}",
                page.resolve().as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )


def main() -> None:
    """Take each picture whose page is there."""
    for name, (page, width, height) in PICTURES.items():
        if (ROOT / page).is_file():
            photograph(ROOT / page, IMAGES / f"{name}.png", width, height)
        else:
            print(f"{name}.png stays unchanged: no {page}")


if __name__ == "__main__":
    main()
