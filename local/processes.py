"""Background processes of the local cloud: started detached, found again and stopped by their pid file.

A pid file holds the process id and when that process was born, so that a number the system has given to
somebody else since is never mistaken for ours, and never stopped.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from local.state import LocalCloudError


def start(command: Sequence[str], *, environment: Mapping[str, str], log: Path, pid_file: Path) -> int:
    """Start a process that outlives this one, in a session of its own, with both outputs in a new `log`.

    Its environment is exactly `environment`: nothing of the caller's shell leaks into the local cloud.
    """
    # posix_spawn rather than Popen: nobody here waits for the child, and nobody should be warned about that.
    pid = os.posix_spawn(
        command[0],
        list(command),
        dict(environment),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    pid_file.write_text(json.dumps({"pid": pid, "born": _birth(pid)}))
    return pid


def running(pid_file: Path) -> int | None:
    """The id of the process that wrote itself here, if it still runs."""
    try:
        record = json.loads(pid_file.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    pid = int(record["pid"])
    _reap(pid)
    return pid if record["born"] is not None and _birth(pid) == record["born"] else None


def stop(pid_file: Path, *, patience: float = 15.0) -> bool:
    """Stop the process of this pid file and everything in its session; True if there was one.

    It gets `patience` seconds to leave by itself.
    """
    pid = running(pid_file)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        if not wait_until(lambda: running(pid_file) is None, timeout=patience):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            wait_until(lambda: running(pid_file) is None, timeout=5)
    pid_file.unlink(missing_ok=True)
    return pid is not None


def wait_until(condition: Callable[[], bool], *, timeout: float, every: float = 0.05) -> bool:
    """Ask until the condition holds or `timeout` seconds are over; says which."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def wait_for_port(port: int, *, pid_file: Path, log: Path, what: str, timeout: float = 30.0) -> None:
    """Wait until the process listens on its loopback port, or say why it does not."""
    ready = wait_until(lambda: listens(port) or running(pid_file) is None, timeout=timeout)
    if not ready or not listens(port):
        raise LocalCloudError(f"{what} did not start; the end of {log}:\n{tail(log)}")


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether a loopback port accepts connections."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, indented for a message."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


def _birth(pid: int) -> str | None:
    """When the process started, in the system's own words; None if there is none or it is a zombie."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # The second field is the program's name and may hold spaces and brackets.
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] == "Z" else fields[19]
    # macOS and the BSDs have no /proc
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    return listed.stdout.strip() or None


def _reap(pid: int) -> None:
    # A child of ours that has ended stays a zombie until somebody asks for its status.
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
