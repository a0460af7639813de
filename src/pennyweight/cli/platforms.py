"""The systems that a command runs on."""

from pennyweight.errors import PennyweightError

__all__ = ["require_posix"]


def require_posix(platform: str) -> None:
    """Raise `PennyweightError` on Windows, where the service does not run."""
    if platform == "win32":
        raise PennyweightError(
            "the service runs on Linux and macOS; on Windows start it in a container or in the "
            "Windows Subsystem for Linux. All other commands run here"
        )
