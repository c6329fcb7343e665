"""stack.json and stack.env."""

import json
import os
import subprocess
from pathlib import Path

from local.state import Stack, StateDirectory, read_stack_file

STACK = Stack(
    api_url="http://127.0.0.1:4000",
    write_key="atn_w_k_s",
    server_key="atn_s_k_s",
    admin_key="it's $HOME `a` key",
    aws_endpoint_url="http://127.0.0.1:4001",
    region="us-east-1",
    outputs={"StreamName": "stream"},
)


def test_a_published_stack_is_read_back_and_is_its_owners_alone(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "state")
    state.create()
    state.write_stack(STACK)
    assert state.read_stack() == STACK
    assert {path.stat().st_mode & 0o777 for path in (state.stack_file, state.shell_file)} == {0o600}
    assert state.path.stat().st_mode & 0o777 == 0o700


def test_a_stack_of_a_later_version_is_read_too(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    state.write_stack(STACK)
    state.stack_file.write_text(json.dumps({**json.loads(state.stack_file.read_text()), "console_url": "x"}))
    assert read_stack_file(state.stack_file) == STACK


def test_the_shell_file_sets_the_variables_of_the_examples(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    state.write_stack(STACK)
    shell = subprocess.run(
        [
            "sh",
            "-c",
            f'. {state.shell_file}; echo "$ATTUNE_API_URL $ATTUNE_WRITE_KEY $ATTUNE_SERVER_KEY $ATTUNE_ADMIN_KEY"',
        ],
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=True,
    )
    expected = [STACK.api_url, STACK.write_key, STACK.server_key, STACK.admin_key]
    assert shell.stdout == " ".join(expected) + "\n"


def test_forgetting_removes_the_keys_and_keeps_the_logs(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    state.create()
    state.write_stack(STACK)
    state.log("emulator").write_text("what happened")
    state.forget()
    assert state.read_stack() is None
    assert not state.shell_file.exists()
    assert state.log("emulator").exists()
