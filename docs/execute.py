"""Run docs/tutorial.ipynb from the top and save it with its outputs.

    python docs/execute.py           run it and write the outputs into it
    python docs/execute.py --check   run it, and fail where a cell fails or where the
                                     outputs in the file are of another source

Times and paths of the run are dropped, so that the file changes only where results do.
"""

import argparse
import hashlib
import os
import sys
import tempfile
from pathlib import Path

NOTEBOOK = Path(__file__).with_name("tutorial.ipynb")


def run(folder: Path) -> "NotebookNode":  # type: ignore[name-defined]  # noqa: F821
    """Run the notebook in a folder and return it."""
    os.environ["IPYTHONDIR"] = os.environ["JUPYTER_RUNTIME_DIR"] = str(folder / ".jupyter")
    import nbclient
    import nbformat

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(
        notebook,
        timeout=600,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--log-level=40"],  # or the kernel warns that its ports are local
    )
    client.execute()
    for cell in notebook.cells:
        cell.metadata.clear()
        if "outputs" in cell:
            cell.outputs = [output for output in cell.outputs if not is_progress(output)]
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                raise SystemExit(f"a cell complains:\n{cell.source}\n{output.text}")
    notebook.metadata = {
        "kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"},
        "language_info": {"name": "python"},
        "source": digest(notebook),
    }
    return notebook


def is_progress(output: "NotebookNode") -> bool:  # type: ignore[name-defined]  # noqa: F821
    """Return whether an output holds a duration."""
    return "pennyweight-progress" in output.get("data", {}).get("text/html", "")


def digest(notebook: "NotebookNode") -> str:  # type: ignore[name-defined]  # noqa: F821
    """Return the sha256 of the sources of all cells."""
    return hashlib.sha256("\0".join(cell.source for cell in notebook.cells).encode()).hexdigest()


def main() -> None:
    """Run it; write it or compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    import nbformat

    with tempfile.TemporaryDirectory() as folder:
        notebook = run(Path(folder))
    if not options.check:
        nbformat.write(notebook, NOTEBOOK)
        return
    saved = nbformat.read(NOTEBOOK, as_version=4)
    if saved.metadata.get("source") != digest(saved):
        sys.exit(f"{NOTEBOOK}: its outputs are of another source; run `python docs/execute.py`")


if __name__ == "__main__":
    main()
