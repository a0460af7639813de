"""Writes the outputs of commands into the pages that show them.

    python docs/outputs.py [PAGE …]    run the commands of the pages and write their outputs
    python docs/outputs.py --check     say whether each block that is shown has its command

A block of ``text`` or ``console`` after a line ``<!-- output KEY="VALUE" … -->`` is written by
this script. Without keys it holds the output of the ``bash`` block before it. Keys:

- ``of``: the command, where none stands before the block;
- ``keep``: which lines are shown, regular expressions by ``;;``, each with ``+N`` at its end
  where the N lines after it belong to it; others are left out, with an ellipsis;
- ``session``: a command that serves; each line ``$ …`` of the block is run meanwhile.

In `reference-cli.md` the help of each command is written. All blocks of a page run in one folder,
in their order. Run it at every release: figures are those of the build that printed them.
"""

import argparse
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference-cli.md"
PAGES = (ROOT / "README.md", ROOT / "docs" / "tutorial.md", REFERENCE)
BLOCK = re.compile(
    r"(?:^<!-- output(?P<keys>[^\n]*?) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
KEY = re.compile(r'(\w+)="([^"]*)"')
HELP = re.compile(r"^## ([a-z -]+)\n(.*?^```text\n)(Usage: .*?)(^```$)", re.MULTILINE | re.DOTALL)
PROGRESS = re.compile(r"^ *\d+\.\d s  .*\n|^expects to take .*\n", re.MULTILINE)
WIDTH = 118  # longer lines are wrapped
ELLIPSIS = "  …"


def environment() -> dict[str, str]:
    """Return variables under which `pennyweight` and `python` are those of this build."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "COLUMNS": "80", "PYTHONWARNINGS": "ignore"}


def printed(kind: str, text: str, folder: Path) -> str:
    """Run a block of bash or Python and return its output, without the progress."""
    shell = ["bash", "-euo", "pipefail", "-c", text]
    command = shell if kind == "bash" else [sys.executable, "-c", text]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{text}\nended with {done.returncode}:\n{done.stdout}")
    return PROGRESS.sub("", done.stdout)


def shown(text: str, keep: str | None) -> str:
    """Return the lines that are shown, long ones wrapped."""
    lines = text.rstrip("\n").split("\n")
    rows = range(len(lines)) if keep is None else sorted(chosen(lines, keep))
    out: list[str] = []
    last = -1
    for at in rows:
        between = lines[last + 1 : at] if last >= 0 else []
        if any(map(str.strip, between)):
            out.append(ELLIPSIS)
        elif between:
            out.append("")
        out += wrapped(lines[at])
        last = at
    if any(map(str.strip, lines[last + 1 :])):
        out.append(ELLIPSIS)
    return "\n".join(out) + "\n"


def chosen(lines: list[str], keep: str) -> set[int]:
    """Return the places of the lines to keep."""
    found: set[int] = set()
    for pattern, more in map(rule_of, keep.split(";;")):
        hits = [at for at, line in enumerate(lines) if re.search(pattern, line)]
        if not hits:
            sys.exit(f"no line printed matches {pattern!r}")
        found |= {at + step for at in hits for step in range(more + 1) if at + step < len(lines)}
    return found


def rule_of(text: str) -> tuple[str, int]:
    """Return a pattern, and how many lines after its own belong to it."""
    found = re.fullmatch(r"(.*?)(?: \+(\d+))?", text.strip(" \n"))
    assert found is not None
    return found[1], int(found[2] or 0)


def wrapped(line: str) -> list[str]:
    """Cut a line of prose that is too long; rows of tables and JSON stay."""
    if len(line) <= WIDTH or "  " in line.strip() or line.startswith(("{", "$")):
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(
        line, WIDTH, break_long_words=False, break_on_hyphens=False, subsequent_indent=indent
    )


@contextmanager
def serving(command: str, folder: Path) -> Iterator[int]:
    """Serve on a free port; yield the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [*shlex.split(command), "--port", str(port)]
    with subprocess.Popen(
        words, cwd=folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/v1/version", process)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)


def wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    """Return when the address answers."""
    for _ in range(300):
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"{address}: the service does not answer")


def session(command: str, text: str, folder: Path) -> str:
    """Run the lines of a session while a command serves; return them with their outputs."""
    out = ""
    with serving(command, folder) as port:
        for line in re.findall(r"^\$ .*$", text, re.MULTILINE):
            local = line[2:].replace("localhost:8000", f"127.0.0.1:{port}")
            out += f"{line}\n{printed('bash', local, folder).rstrip()}\n"
    return out


def remade(page: str, folder: Path) -> str:
    """Run a page from the top and return it with its outputs."""
    last = ""

    def block(found: re.Match[str]) -> str:
        nonlocal last
        kind, text = found["kind"], found["text"]
        if found["keys"] is None:
            if kind in ("bash", "python"):
                last = printed(kind, text, folder)
            return found[0]
        keys = dict(KEY.findall(found["keys"]))
        if "session" in keys:
            text = session(keys["session"], text, folder)
        else:
            whole = printed("bash", keys["of"], folder) if "of" in keys else last
            text = shown(whole, keys.get("keep"))
        return f"<!-- output{found['keys']} -->\n```{kind}\n{text}```"

    return BLOCK.sub(block, page)


def with_help(page: str, folder: Path) -> str:
    """Return the reference with the help of each command."""

    def section(found: re.Match[str]) -> str:
        text = printed("bash", f"pennyweight {found[1]} --help", folder)
        lines = "\n".join(line.rstrip() for line in text.strip().split("\n"))
        return f"## {found[1]}\n{found[2]}{lines}\n{found[4]}"

    return HELP.sub(section, page)


def made(path: Path) -> str:
    """Return a page as it would be written."""
    page = path.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        return (with_help if path == REFERENCE else remade)(page, Path(folder))


def faults(path: Path) -> list[str]:
    """Return the blocks of a page that show an output without naming where it comes from."""
    out: list[str] = []
    ran, before = False, ""
    for found in BLOCK.finditer(path.read_text(encoding="utf-8")):
        kind, text = found["kind"], found["text"]
        where = f"{path.name}: {text.strip().splitlines()[:1]}"
        if found["keys"] is None:
            figures = kind in ("text", "console") and "ndcg@10" in text
            if path != REFERENCE and (figures or (kind == "text" and before == "bash")):
                out.append(f"{where}: shows an output without `<!-- output -->` before it")
        else:
            keys = dict(KEY.findall(found["keys"]))
            if not (ran or {"of", "session"} & keys.keys()):
                out.append(f"{where}: no command before it, and none named with of or session")
            patterns = (rule_of(rule)[0] for rule in keys.get("keep", "").split(";;"))
            out += [
                f"{where}: no line that matches {pattern!r}"
                for pattern in patterns
                if not re.search(pattern, text, re.MULTILINE)
            ]
        ran, before = ran or kind in ("bash", "python"), kind
    return out


def main() -> None:
    """Write the pages, or look at them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("pages", nargs="*", type=Path, help="by default all that show outputs")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    pages = [page.resolve() for page in options.pages] or PAGES
    if options.check:
        found = [fault for path in pages for fault in faults(path)]
        if REFERENCE in pages and made(REFERENCE) != REFERENCE.read_text(encoding="utf-8"):
            found.append(f"{REFERENCE.name}: not the help of this build")
        sys.exit("\n".join([*found, "write them: python docs/outputs.py"]) if found else 0)
    for path in pages:
        print(f"{path.name} …", flush=True)
        path.write_text(made(path), encoding="utf-8")


if __name__ == "__main__":
    main()
