"""The ``wardline`` command, the same that cargo and npm bring."""

from __future__ import annotations

import signal
import sys

from ._wardline import run_command


def main() -> int:
    """Runs the command with this process's arguments; answers its exit code."""
    # The command runs outside the interpreter, which could not take note of an interrupt before its end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return run_command(["wardline", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
