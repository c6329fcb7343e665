"""Build the Lambda layers from the lock file, without Docker, for AWS (arm64) and for the local cloud (this machine).

    python -m infra.packaging build [aws|local ...]   the layers, under .build/layers/<target>/<layer>/python
    python -m infra.packaging sizes                   what each function weighs with its layers; fails above the budget

A layer is the locked dependency group of the same name; `core` also carries our own package, copied from the
sources whenever they differ from the last copy, so a stale copy cannot be deployed. Layer folders are read-only on
Lambda, where Python could not keep what it compiled; so they carry bytecode that needs no second look at its source.
"""

import compileall
import fcntl
import hashlib
import os
import py_compile
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

type Target = Literal["aws", "local"]

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
OWN_PACKAGE = ROOT / "layers" / "core" / "python" / "attune"
TARGETS: tuple[Target, ...] = ("aws", "local")
LAYERS = ("core", "powertools")
# The Lambda runtime brings boto3 and all it needs; a second copy would be slower to load and outdated sooner.
RUNTIME_PROVIDES = ("boto3", "botocore", "jmespath", "s3transfer", "urllib3", "python-dateutil", "six")
# Amazon Linux 2023 has glibc 2.34, so wheels for 2.28 run there.
PLATFORM: dict[Target, list[str]] = {
    "aws": ["--python-platform", "aarch64-manylinux_2_28", "--only-binary", ":all:"],
    "local": [],
}
DEAD_WEIGHT = ("bin", "tests", "test", "testing", "include", "swagger_ui", "__pycache__")
DEAD_SUFFIXES = (".pyi", ".c", ".h", ".pyx", ".pxd", ".typed")
HOT_PATH_BUDGET = 30 * 2**20


def build(target: Target) -> dict[str, Path]:
    """Bring every layer of `target` up to date and return their folders by name. A call without changes takes 0.1 s."""
    with _one_at_a_time(f"layers-{target}"):
        for layer in LAYERS:
            _install_dependencies(target, layer)
        _copy_own_package(target)
    return {layer: folder(target, layer) for layer in LAYERS}


def folder(target: Target, layer: str) -> Path:
    """Return the layer's asset folder; its `python/` is what Lambda puts on sys.path."""
    return BUILD / "layers" / target / layer


def asset_hash(target: Target, layer: str) -> str:
    """Identify a layer by what it is made from: compiled files may differ between two builds of one source."""
    made_from = [_stamp(target, layer).read_text()]
    if layer == "core":
        made_from.append(_stamp(target, "attune").read_text())
    return hashlib.sha256("\n".join(made_from).encode()).hexdigest()


def digest(paths: Iterable[Path]) -> str:
    """Hash the names and contents of files, in a fixed order."""
    found = hashlib.sha256()
    for path in sorted(paths):
        found.update(f"{path.relative_to(ROOT)}\0".encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def _install_dependencies(target: Target, layer: str) -> None:
    wanted = _locked(layer)
    this_build = f"{sys.version_info[:2]} {PLATFORM[target]} {DEAD_WEIGHT} {DEAD_SUFFIXES}"
    fingerprint = hashlib.sha256(f"{wanted}{this_build}{sys.platform}".encode()).hexdigest()
    if _is_current(target, layer, fingerprint):
        return
    print(f"layers: installing {layer} for {target} from uv.lock", flush=True)
    site = folder(target, layer) / "python"
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    _stamp(target, "attune").unlink(missing_ok=True)
    requirements = BUILD / f"{target}-{layer}.txt"
    requirements.write_text(wanted)
    python = ["--python", sys.executable] if target == "local" else ["--python-version", "3.13"]
    _uv(
        *("pip", "install", "--quiet", "--no-deps", "--require-hashes", "--link-mode", "copy"),
        *("--target", str(site)),
        *(*python, *PLATFORM[target], "--requirement", str(requirements)),
    )
    _prune(site)
    _compile(site)
    _stamp(target, layer).write_text(fingerprint)


def _locked(layer: str) -> str:
    prune = [word for package in RUNTIME_PROVIDES for word in ("--prune", package)]
    return _uv("export", "--quiet", "--frozen", "--no-header", "--no-annotate", "--only-group", layer, *prune)


def _copy_own_package(target: Target) -> None:
    sources = [path for path in OWN_PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    fingerprint = digest(sources)
    copy = folder(target, "core") / "python" / "attune"
    if copy.is_dir() and _is_current(target, "attune", fingerprint):
        return
    fresh = copy.with_name(".attune-fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(OWN_PACKAGE, fresh, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(copy, ignore_errors=True)
    fresh.rename(copy)
    _compile(copy)
    _stamp(target, "attune").write_text(fingerprint)


def _prune(site: Path) -> None:
    for path in sorted(site.rglob("*"), reverse=True):
        if path.is_dir() and path.name in DEAD_WEIGHT:
            shutil.rmtree(path)
        elif path.is_file() and (path.suffix in DEAD_SUFFIXES or path.name in {"RECORD", ".lock"}):
            path.unlink()


def _compile(site: Path) -> None:
    # `stripdir` keeps this machine's paths out of the bytecode, `prependdir` names where Lambda mounts the layer.
    root = site if site.name == "python" else site.parent
    compiled = compileall.compile_dir(
        str(site),
        quiet=1,  # names the file that does not compile
        stripdir=str(root),
        prependdir="/opt/python",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    if not compiled:
        raise SystemExit(f"layers: {site} holds a file that Python 3.13 cannot compile")


def _is_current(target: Target, name: str, fingerprint: str) -> bool:
    stamp = _stamp(target, name)
    return stamp.is_file() and stamp.read_text() == fingerprint


def _stamp(target: Target, name: str) -> Path:
    return BUILD / "layers" / target / f".{name}.stamp"


def _uv(*arguments: str) -> str:
    command = [os.environ.get("UV", "uv"), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own tool
    if done.returncode:
        raise SystemExit(f"layers: `{' '.join(command[:3])} …` failed:\n{done.stderr}")
    return done.stdout


@contextmanager
def _one_at_a_time(name: str) -> Iterator[None]:
    BUILD.mkdir(exist_ok=True)
    with (BUILD / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def size_of(path: Path) -> int:
    """Return the bytes that Lambda counts: the files, unzipped, without this machine's leftover caches."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def function_sizes(target: Target) -> dict[str, dict[str, int]]:
    """Return, per function, the bytes of its own code and of each layer it carries."""
    layers = {layer: size_of(folder(target, layer) / "python") for layer in LAYERS}
    handlers = sorted((ROOT / "functions").glob("*/handler.py"))
    return {path.parent.name: {"code": path.stat().st_size, **layers} for path in handlers}


def _print_sizes() -> int:
    heaviest = 0
    for target in TARGETS:
        print(f"unzipped size, {target} (MB; budget {HOT_PATH_BUDGET / 2**20:.0f}, boto3 comes with the runtime)")
        print(f"  {'function':<20}{'code':>8}{'core':>8}{'powertools':>12}{'total':>8}")
        for name, parts in function_sizes(target).items():
            total = sum(parts.values())
            heaviest = max(heaviest, total)
            columns = (parts["code"], parts["core"], parts["powertools"], total)
            code, core, powertools, whole = (f"{value / 2**20:.2f}" for value in columns)
            print(f"  {name:<20}{code:>8}{core:>8}{powertools:>12}{whole:>8}")
    if heaviest > HOT_PATH_BUDGET:
        print(f"too heavy: {heaviest / 2**20:.1f} MB")
        return 1
    return 0


def main(arguments: list[str]) -> int:
    """Run the command named by the first argument."""
    match arguments:
        case ["sizes"]:
            return _print_sizes()
        case ["build", *targets] if set(targets) <= set(TARGETS):
            for target in TARGETS:
                if target in targets or not targets:
                    build(target)
            return 0
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
