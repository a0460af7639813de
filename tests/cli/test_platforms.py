import subprocess
import sys

import pytest

from pennyweight.cli.platforms import require_posix
from pennyweight.errors import PennyweightError

WITHOUT_POSIX = """
import sys
from importlib.abc import MetaPathFinder

class Absent(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name in ("fcntl", "uvloop", "httptools", "termios", "pwd"):
            raise ModuleNotFoundError(f"no {name} on this system", name=name)
        return None

sys.meta_path.insert(0, Absent())
for name in ("fcntl", "pwd", "termios"):
    sys.modules.pop(name, None)
import pennyweight.fitting.pipeline, pennyweight.recommender, pennyweight.compression.pipeline
import pennyweight.cli.app, pennyweight.validation, pennyweight.training
"""


def test_the_service_is_refused_on_windows():
    require_posix("linux")
    require_posix("darwin")
    with pytest.raises(PennyweightError, match="Linux and macOS"):
        require_posix("win32")


def test_only_the_locks_of_a_posix_system_need_its_modules():
    """Without fcntl and uvloop nothing fails but what imports the POSIX side of the locks."""
    code = WITHOUT_POSIX.replace(
        "import pennyweight.fitting",
        (
            "import types\nsys.modules['pennyweight.storage.locks'] = types.SimpleNamespace("
            "lock_handle=None, locked=None, open_lock=None)\nimport pennyweight.fitting"
        ),
        1,
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
