"""`make up` and `make down`: a local stack that is left running, and what to type next."""

from pathlib import Path

from local.stack import down, up
from local.state import Stack, StateDirectory

_NEXT_STEPS = """
Attune runs at {api_url}

Load its address and keys into this shell, send an event, read the profile:

  . {shell_file}
  curl -u "$ATTUNE_WRITE_KEY:" "$ATTUNE_API_URL/v1/track" -H 'Content-Type: application/json' -d '{{
    "userId": "u-1", "anonymousId": "device-1", "event": "Product Viewed", "properties": {{"product_id": "p-1"}},
    "context": {{"consent": {{"categoryPreferences": {{"analytics": true, "personalization": true}}}}}}}}'
  curl -H "Authorization: Bearer $ATTUNE_SERVER_KEY" "$ATTUNE_API_URL/v1/profiles/user_id%3Au-1"

Addresses, keys and names of tables are in {stack_file}; logs are beside it. `make down` stops it.
"""


def bring_up(state: StateDirectory, assembly: Path | None) -> int:
    """Bring the stack up and print the next steps. Returns the exit code."""
    stack = up(state, assembly=assembly, say=lambda line: print(line, flush=True))
    print(next_steps(stack, state))
    return 0


def take_down(state: StateDirectory) -> int:
    """Stop what `bring_up` started. Returns the exit code."""
    print("the local stack is stopped" if down(state) else "no local stack was running")
    return 0


def next_steps(stack: Stack, state: StateDirectory) -> str:
    """What to type now. The keys themselves stay in their file and out of the terminal's history."""
    return _NEXT_STEPS.format(
        api_url=stack.api_url, shell_file=_short(state.shell_file), stack_file=_short(state.stack_file)
    )


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
