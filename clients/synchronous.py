"""Makes the client without asyncio from the one with it.

python clients/synchronous.py           write src/pennyweight/client/synchronous
python clients/synchronous.py --check   fail if it differs
"""

import re
import subprocess
import sys
from pathlib import Path

CLIENT = Path(__file__).resolve().parents[1] / "src" / "pennyweight" / "client"
SOURCE, TARGET = CLIENT / "asynchronous", CLIENT / "synchronous"
HEAD = '"""The client without asyncio; made by `clients/synchronous.py`, so change the other."""\n'
WORDS = (
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\b__aenter__\b", "__enter__"),
    (r"\b__aexit__\b", "__exit__"),
    (r"\ba(close|read|iter_lines)\b", r"\1"),
    (r"\basyncio\.sleep\b", "time.sleep"),
    (r"^import asyncio\n", ""),
    (r"\bclient\.asynchronous\b", "client.synchronous"),
)


def formatted(text: str) -> str:
    """Return source as ruff writes it, with its imports in order."""
    for command in (["check", "--fix", "--select", "I", "-q"], ["format", "-q"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(TARGET / "x.py")]
        text = subprocess.run(
            [*ruff, "-"], input=text, capture_output=True, text=True, check=True
        ).stdout
    return text


def synchronous(text: str) -> str:
    """Return the source of a module without asyncio."""
    for pattern, word in WORDS:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return formatted(text)


def modules() -> dict[Path, str]:
    """Return the files to write, with their text."""
    files = {
        TARGET / path.name: synchronous(path.read_text(encoding="utf-8"))
        for path in sorted(SOURCE.glob("*.py"))
        if path.name != "__init__.py"
    }
    return files | {TARGET / "__init__.py": HEAD}


def main() -> None:
    """Write the files, or compare them."""
    for path, text in modules().items():
        if "--check" not in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"{path}: differs; write it again: python clients/synchronous.py")


if __name__ == "__main__":
    main()
