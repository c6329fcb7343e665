"""One local stack from nothing to its first request, and back: emulator, deploy, repair, front door, keys.

`up` keeps a healthy stack that was deployed from the same templates and code, and otherwise starts from zero:
a new emulator is filled within seconds, while an update in place is where its CloudFormation differs most
from AWS (functions keep reading a table that was replaced). Starting from zero forgets customers and keys.
"""

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from local import deploy, first_steps, ministack, processes, repair
from local.state import REGION, ROOT, Stack, StateDirectory

type Say = Callable[[str], None]

#: the stack of `make up` and `make demo`
DEFAULT_STATE = StateDirectory(ROOT / ".local")


def up(state: StateDirectory = DEFAULT_STATE, *, assembly: Path | None = None, say: Say = print) -> Stack:
    """Bring up the stack of this state directory and return it, ready for requests.

    `assembly` is a synthesized app; without it the project's own is synthesized, if its sources have changed.

    Raises LocalCloudError with the reason when a step fails; what it had started is stopped again.
    """
    state.create()
    with _alone(state):
        assembly = assembly or deploy.synthesize(say)
        kept = _kept(state, assembly)
        if kept:
            say(f"the local stack is up to date at {kept.api_url}; applying the definitions")
            first_steps.apply_definitions(kept)
            return kept
        _stop(state)
        try:
            stack = _from_zero(state, assembly, say)
        except BaseException:
            _stop(state)
            raise
        return stack


def down(state: StateDirectory = DEFAULT_STATE) -> bool:
    """Stop every process of this state directory and forget its stack; True if something ran. Logs stay."""
    if not state.path.exists():
        return False
    with _alone(state):
        return _stop(state)


def _kept(state: StateDirectory, assembly: Path) -> Stack | None:
    """The running stack, if it is whole and was deployed from just these templates and code."""
    stack = state.read_stack()
    same = state.fingerprint.exists() and state.fingerprint.read_text() == deploy.fingerprint(assembly)
    whole = all(processes.running(state.pid_file(name)) for name in ("emulator", "front_door"))
    return stack if stack and same and whole and ministack.healthy(stack.aws_endpoint_url) else None


def _from_zero(state: StateDirectory, assembly: Path, say: Say) -> Stack:
    state.create()
    ministack.install(say)
    say("starting the emulator")
    address = ministack.start(state)
    outputs = deploy.deploy(assembly, address, state, say)
    repair.repair(assembly, address)
    origin = _open_front_door(state, address, outputs["ApiUrl"])
    bare = Stack(
        api_url=origin,
        write_key="",
        server_key="",
        admin_key=first_steps.read_admin_key(address, outputs["AdminSecretArn"]),
        aws_endpoint_url=address,
        region=REGION,
        outputs=outputs,
    )
    say("applying the definitions, creating keys")
    first_steps.apply_definitions(bare)
    stack = first_steps.with_keys(bare)
    state.fingerprint.write_text(deploy.fingerprint(assembly))
    state.write_stack(stack)
    return stack


def _open_front_door(state: StateDirectory, address: str, api_url: str) -> str:
    """Open the front door of the API whose id is the first label of `api_url`, and return its origin."""
    api_id = (urlsplit(api_url).hostname or "").partition(".")[0]
    port = processes.free_port()
    upstream = f"{address}/_aws/execute-api/{api_id}/$default"
    log, pid_file = state.log("front_door"), state.pid_file("front_door")
    processes.start(
        [sys.executable, "-m", "local.front_door", "--port", str(port), "--upstream", upstream],
        environment={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(ROOT)},
        log=log,
        pid_file=pid_file,
    )
    processes.wait_for_port(port, pid_file=pid_file, log=log, what="the front door")
    return f"http://127.0.0.1:{port}"


def _stop(state: StateDirectory) -> bool:
    stopped = [processes.stop(state.pid_file(name)) for name in ("front_door", "emulator")]
    state.forget()
    return any(stopped)


@contextmanager
def _alone(state: StateDirectory) -> Iterator[None]:
    """Let one `up` or `down` at a time work on a state directory; a second one waits."""
    with (state.path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
