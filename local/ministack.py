"""Starts and stops MiniStack, the emulator that stands for AWS, in an environment of its own.

The functions run on the emulator's interpreter and see its packages; `local/emulator` therefore locks what
the emulator itself needs and nothing of the product's.
"""

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable

from local import processes
from local.state import CREDENTIALS, ROOT, LocalCloudError, StateDirectory

PROJECT = ROOT / "local" / "emulator"
PYTHON = PROJECT / ".venv" / "bin" / "python"
#: MiniStack, its Athena mended
SERVE = PROJECT / "serve.py"

_START_SECONDS = 60.0
_ATTEMPTS = 3


def install(say: Callable[[str], None]) -> None:
    """Bring the emulator's environment to its lock file; does nothing when it is there already."""
    if not PYTHON.exists():
        say("downloading the emulator's environment (once, about 50 MB)")
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    synced = subprocess.run(
        # The interpreter that runs this: uv does not look everywhere, and would download another.
        [_uv(), "sync", "--locked", "--quiet", "--project", str(PROJECT), "--python", sys.executable],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if synced.returncode != 0:
        raise LocalCloudError(f"the emulator's environment could not be installed:\n{synced.stderr}")


def start(state: StateDirectory) -> str:
    """Start an emulator on a free loopback port and return its address; its state lives in its memory."""
    for _ in range(_ATTEMPTS):
        # Between finding a port and binding it another process may take it: then the emulator leaves at once.
        port = processes.free_port()
        address = f"http://127.0.0.1:{port}"
        processes.start(
            [str(PYTHON), str(SERVE)],
            environment=_environment(state, port),
            log=state.log("emulator"),
            pid_file=state.pid_file("emulator"),
        )
        if _answers(state, address):
            return address
        stop(state)
    log = state.log("emulator")
    raise LocalCloudError(f"the emulator did not start; the end of {log}:\n{processes.tail(log)}")


def stop(state: StateDirectory) -> bool:
    """Stop this state directory's emulator and its Lambda workers; True if it ran."""
    return processes.stop(state.pid_file("emulator"))


def healthy(address: str) -> bool:
    """Whether an emulator answers at this address."""
    try:
        with urllib.request.urlopen(f"{address}/_ministack/health", timeout=2) as answer:  # noqa: S310 (loopback)
            return "services" in json.load(answer)
    except (OSError, urllib.error.URLError, json.JSONDecodeError):
        return False


def _answers(state: StateDirectory, address: str) -> bool:
    def settled() -> bool:
        return healthy(address) or processes.running(state.pid_file("emulator")) is None

    processes.wait_until(settled, timeout=_START_SECONDS)
    return processes.running(state.pid_file("emulator")) is not None and healthy(address)


def _environment(state: StateDirectory, port: int) -> dict[str, str]:
    return {
        **CREDENTIALS,
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(state.scratch),
        "TMPDIR": str(state.scratch),
        "LANG": "C.UTF-8",
        "TZ": "UTC",  # as Lambda
        "BIND_HOST": "127.0.0.1",  # its default is every interface
        "GATEWAY_PORT": str(port),
        # Listeners that nobody here needs; the first one would open port 8883 on every interface.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }


def _uv() -> str:
    """The uv that runs us, or one we can find: the Makefile puts its own in .tools."""
    candidates = (os.environ.get("UV"), str(ROOT / ".tools" / "bin" / "uv"), shutil.which("uv"))
    found = next((uv for uv in candidates if uv and os.access(uv, os.X_OK)), None)
    if found is None:
        raise LocalCloudError("uv was not found; run this through `make up` or `uv run`")
    return found
