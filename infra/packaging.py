"""Build the Lambda layers from the lock file, without Docker, for AWS (arm64) and for the local cloud (this machine).

    python -m infra.packaging build [aws|local ...]   the layers, under .build/layers/<target>/<layer>/python
    python -m infra.packaging sizes                   what each function weighs with its layers; fails above the budget

A layer is the locked dependency group of the same name; `core` and `ml` also carry a package of our own, copied from
the sources whenever they differ from the last copy, so a stale copy cannot be deployed. Layer folders are read-only on
Lambda, where Python could not keep what it compiled; so they carry bytecode that needs no second look at its source.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Literal

from infra import pruning

type Target = Literal["aws", "local"]

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
OWN_PACKAGE = ROOT / "layers" / "core" / "python" / "attune"
OWN_PACKAGES = {"core": OWN_PACKAGE, "ml": ROOT / "layers" / "ml" / "python" / "attune_ml"}
TARGETS: tuple[Target, ...] = ("aws", "local")
#: every function carries these two
BASE_LAYERS = ("core", "powertools")
#: who admits events, replays them, checks what they are admitted by, or names people in the form that it gives them
ADMITTING = (
    "collect_events",
    "receive_webhook",
    "import_files",
    "manage_quarantine",
    "manage_definitions",
    "manage_profiles",
    "explain_segments",
    "manage_privacy",
    "fulfil_requests",
    "export_profiles",
    "manage_verifications",
)
#: who carries more
EXTRA_LAYERS: dict[str, tuple[str, ...]] = dict.fromkeys(ADMITTING, ("admission",)) | {
    "compact_lake": ("duckdb",),
    "export_profiles": ("admission", "duckdb"),
    "import_files": ("admission", "duckdb"),
    "sweep_stores": ("duckdb",),
    "train_models": ("ml",),
    "verify_privacy": ("duckdb",),
}
LAYERS = (*BASE_LAYERS, "admission", "duckdb", "ml")
# The Lambda runtime brings boto3 and all it needs; a second copy would be slower to load and outdated sooner. Only
# `core` names jmespath itself, and has it: mappings are read with the version that they were checked with.
RUNTIME_PROVIDES = ("boto3", "botocore", "jmespath", "s3transfer", "urllib3", "python-dateutil", "six")
# Amazon Linux 2023 has glibc 2.34, so wheels for 2.28 run there.
PLATFORM: dict[Target, list[str]] = {
    "aws": ["--python-platform", "aarch64-manylinux_2_28", "--only-binary", ":all:"],
    "local": [],
}
HOT_PATH_BUDGET = 30 * 2**20
#: with the validator of tracking plans, 12 to 15 MB of machine code that is mapped when a source has a plan
ADMITTING_BUDGET = 45 * 2**20
#: what Lambda takes of a function with all its layers, unzipped
LAMBDA_LIMIT = 250 * 2**20
# Bytecode of everything would carry `ml` for arm64 over that limit: it is for what training imports.
COMPILED_FOR = {"ml": ("pandas", "scipy.optimize", "scipy.spatial.distance", "sklearn.cluster", "sklearn.metrics")}


def layers_of(function: str) -> tuple[str, ...]:
    """Return the names of the layers that `function` carries."""
    return (*BASE_LAYERS, *EXTRA_LAYERS.get(function, ()))


def build(target: Target) -> dict[str, Path]:
    """Bring every layer of `target` up to date and return their folders by name. A call without changes takes 0.4 s."""
    if target != "local":
        build("local")  # only this machine's layer can be imported, to see what is worth compiling
    with _one_at_a_time(f"layers-{target}"):
        for layer in LAYERS:
            _install_dependencies(target, layer)
            _copy_own_package(target, layer)
            _zip(target, layer)
    return {layer: folder(target, layer) for layer in LAYERS}


def folder(target: Target, layer: str) -> Path:
    """Return the layer's folder; its `python/` is what Lambda puts on sys.path."""
    return BUILD / "layers" / target / layer


def archive(target: Target, layer: str) -> Path:
    """Return the layer as it is uploaded. Left to itself, the CDK would zip it anew for each assembly."""
    return BUILD / "layers" / target / f"{layer}.zip"


def asset_hash(target: Target, layer: str) -> str:
    """Identify a layer by what it is made from: compiled files may differ between two builds of one source."""
    made_from = [_stamp(target, layer).read_text()]
    if layer in OWN_PACKAGES:
        made_from.append(_stamp(target, OWN_PACKAGES[layer].name).read_text())
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
    this_build = f"{sys.version_info[:2]} {PLATFORM[target]} {pruning.PRUNED} {COMPILED_FOR.get(layer)}"
    fingerprint = hashlib.sha256(f"{wanted}{this_build}{sys.platform}".encode()).hexdigest()
    if _is_current(target, layer, fingerprint):
        return
    print(f"layers: installing {layer} for {target} from uv.lock", flush=True)
    site = folder(target, layer) / "python"
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    requirements = BUILD / f"{target}-{layer}.txt"
    requirements.write_text(wanted)
    python = ["--python", sys.executable] if target == "local" else ["--python-version", "3.13"]
    _uv(
        *("pip", "install", "--quiet", "--no-deps", "--require-hashes", "--link-mode", "copy"),
        *("--target", str(site)),
        *(*python, *PLATFORM[target], "--requirement", str(requirements)),
    )
    pruning.prune(site)
    if layer in COMPILED_FOR:
        here = folder("local", layer) / "python"
        pruning.compile_files(site, pruning.loaded_by(here, COMPILED_FOR[layer]))
    else:
        pruning.compile_folder(site, site)
    _stamp(target, layer).write_text(fingerprint)


@cache
def _locked(layer: str) -> str:
    provided = [package for package in RUNTIME_PROVIDES if (layer, package) != ("core", "jmespath")]
    prune = [word for package in provided for word in ("--prune", package)]
    return _uv("export", "--quiet", "--frozen", "--no-header", "--no-annotate", "--only-group", layer, *prune)


def _copy_own_package(target: Target, layer: str) -> None:
    if layer not in OWN_PACKAGES:
        return
    original, site = OWN_PACKAGES[layer], folder(target, layer) / "python"
    sources = [path for path in original.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    fingerprint = digest(sources)
    copy = site / original.name
    if copy.is_dir() and _is_current(target, original.name, fingerprint):
        return
    fresh = site / f".{original.name}-fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(original, fresh, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(copy, ignore_errors=True)
    fresh.rename(copy)
    pruning.compile_folder(copy, site)
    _stamp(target, original.name).write_text(fingerprint)


def _zip(target: Target, layer: str) -> None:
    whole, fingerprint = archive(target, layer), asset_hash(target, layer)
    if whole.is_file() and _is_current(target, whole.name, fingerprint):
        return
    fresh, root = whole.with_suffix(".fresh"), folder(target, layer)
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        for path in sorted(file for file in (root / "python").rglob("*") if file.is_file()):
            # One date for all: the same layer is the same archive.
            entry = zipfile.ZipInfo(str(path.relative_to(root)))
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(entry, path.read_bytes())
    fresh.replace(whole)
    _stamp(target, whole.name).write_text(fingerprint)


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
    weights = {layer: size_of(folder(target, layer) / "python") for layer in LAYERS}
    handlers = sorted((ROOT / "functions").glob("*/handler.py"))
    return {
        path.parent.name: {
            "code": path.stat().st_size,
            **{layer: weights[layer] for layer in layers_of(path.parent.name)},
        }
        for path in handlers
    }


def budget_of(function: str) -> int:
    """Return how many bytes `function` may weigh with its layers."""
    if EXTRA_LAYERS.get(function) == ("admission",):
        return ADMITTING_BUDGET
    return LAMBDA_LIMIT if function in EXTRA_LAYERS else HOT_PATH_BUDGET


def _print_sizes() -> int:
    too_heavy = []
    for target in TARGETS:
        print(f"unzipped size, {target} (MB; boto3 comes with the runtime)")
        names = "".join(f"{layer:>12}" for layer in LAYERS)
        print(f"  {'function':<20}{'code':>8}{names}{'total':>8}{'budget':>8}")
        for name, parts in function_sizes(target).items():
            total, budget = sum(parts.values()), budget_of(name)
            if total >= budget:
                too_heavy.append(f"{name} for {target}")
            columns = "".join(f"{_megabytes(parts.get(layer)):>12}" for layer in LAYERS)
            print(f"  {name:<20}{_megabytes(parts['code']):>8}{columns}{_megabytes(total):>8}{budget // 2**20:>8}")
    for name in too_heavy:
        print(f"too heavy: {name}")
    return 1 if too_heavy else 0


def _megabytes(value: int | None) -> str:
    return "" if value is None else f"{value / 2**20:.2f}"


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
