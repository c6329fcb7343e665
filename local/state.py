"""Where one local stack keeps its files, and the stack.json that tells others how to reach it.

A state directory belongs to one stack: `make up` uses `.local/`, a test session a directory of its own, so
several stacks run side by side without sharing a port, a process or a file.
"""

import json
import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict

ROOT = Path(__file__).resolve().parent.parent
REGION = "us-east-1"
ACCOUNT = "000000000000"

# MiniStack knows one account per access key id; these are no secrets.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}


class LocalCloudError(Exception):
    """Something the local cloud needs is missing or failed; the message says what, and where its log is."""


class ClientSettings(TypedDict):
    """Keyword arguments that make a boto3 client talk to an emulator."""

    endpoint_url: str
    region_name: str
    aws_access_key_id: str
    aws_secret_access_key: str


def client_settings(address: str) -> ClientSettings:
    """The settings for clients of the emulator at this address."""
    return {
        "endpoint_url": address,
        "region_name": REGION,
        "aws_access_key_id": CREDENTIALS["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A running local stack, as stack.json holds it."""

    #: plain origin of the HTTP API (the front door), without a trailing slash
    api_url: str
    #: public key of the example source: appends events, reads nothing
    write_key: str
    #: secret key of the example source: reads profiles, records consent
    server_key: str
    #: key of the definitions API
    admin_key: str
    #: the emulator, for boto3 and the AWS CLI
    aws_endpoint_url: str
    region: str
    #: every output of every CloudFormation stack by its CfnOutput id
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """The files of one local stack."""

    path: Path

    @property
    def stack_file(self) -> Path:
        """How to reach the running stack; absent when there is none."""
        return self.path / "stack.json"

    @property
    def shell_file(self) -> Path:
        """The same as shell variables, for `. .local/stack.env`."""
        return self.path / "stack.env"

    @property
    def deploy_log(self) -> Path:
        """Everything the CDK CLI printed."""
        return self.path / "deploy.log"

    @property
    def scratch(self) -> Path:
        """The emulator's own TMPDIR: its workers leave unpacked bundles behind."""
        return self.path / "tmp"

    @property
    def fingerprint(self) -> Path:
        """What the running stack was deployed from."""
        return self.path / "fingerprint"

    def pid_file(self, process: str) -> Path:
        """The record of a background process: see `processes`."""
        return self.path / f"{process}.pid"

    def log(self, process: str) -> Path:
        """Standard output and error of a background process."""
        return self.path / f"{process}.log"

    def create(self) -> None:
        """Make the directory, readable by its owner only: it comes to hold keys."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.scratch.mkdir(exist_ok=True)

    def forget(self) -> None:
        """Remove what describes a running stack, and the scratch space; logs stay to be read."""
        self.stack_file.unlink(missing_ok=True)
        self.shell_file.unlink(missing_ok=True)
        self.fingerprint.unlink(missing_ok=True)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def write_stack(self, stack: Stack) -> None:
        """Publish the stack, for programs and for shells."""
        _write_private(self.stack_file, json.dumps(asdict(stack), indent=2) + "\n")
        variables = {
            "ATTUNE_API_URL": stack.api_url,
            "ATTUNE_WRITE_KEY": stack.write_key,
            "ATTUNE_SERVER_KEY": stack.server_key,
            "ATTUNE_ADMIN_KEY": stack.admin_key,
        }
        lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
        _write_private(self.shell_file, "\n".join(lines) + "\n")

    def read_stack(self) -> Stack | None:
        """The stack that was last published here, running or not."""
        return read_stack_file(self.stack_file) if self.stack_file.exists() else None


def read_stack_file(path: Path) -> Stack:
    """Read a stack.json; keys this version does not know are ignored."""
    content = json.loads(path.read_text())
    return Stack(**{name: content[name] for name in Stack.__dataclass_fields__})


def _write_private(path: Path, text: str) -> None:
    # Created with its final mode: a file made first and closed later can be read in between.
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)
