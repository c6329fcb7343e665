"""What a layer can do without, and which of its files are worth compiling beforehand."""

import compileall
import json
import py_compile
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

# No name here that a package imports from: `testing` and `f2py` stay, whatever they sound like.
DEAD_FOLDERS = ("bin", "tests", "test", "include", "swagger_ui", "__pycache__", "_duckdb-stubs")
DEAD_SUFFIXES = (
    *(".pyi", ".typed", ".c", ".h", ".hpp", ".cpp", ".f", ".a", ".build"),
    *(".pyx", ".pxd", ".pxi", ".tp", ".in"),
)
DEAD_FILES = ("RECORD", ".lock")
# Whole parts that no module in use imports, by path: example data, retired packages, code for the packages' own tests.
# Without them the layer for arm64 stays under Lambda's limit.
DEAD_PARTS = (
    *("sklearn/datasets/data", "sklearn/datasets/images", "sklearn/datasets/descr"),
    *("scipy/signal", "scipy/odr", "scipy/fftpack", "scipy/datasets"),
    *("scipy/io/_fast_matrix_market/_fmm_core*.so", "numpy/_core/_simd*.so"),
)
PRUNED = (DEAD_FOLDERS, DEAD_SUFFIXES, DEAD_FILES, DEAD_PARTS)

_NAME_WHAT_IS_LOADED = """
import importlib, json, sys
site, modules, runtime = json.load(sys.stdin)
sys.path.insert(0, site)
sys.path.append(runtime)
for module in modules:
    importlib.import_module(module)
files = (getattr(module, "__file__", None) or "" for module in list(sys.modules.values()))
print(json.dumps(sorted({file for file in files if file.startswith(site + "/") and file.endswith(".py")})))
"""


def prune(site: Path) -> None:
    """Remove from an installed layer what nobody loads on Lambda."""
    for part in DEAD_PARTS:
        for path in site.glob(part):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in sorted(site.rglob("*"), reverse=True):
        if path.is_dir() and path.name in DEAD_FOLDERS:
            shutil.rmtree(path)
        elif path.is_file() and (path.suffix in DEAD_SUFFIXES or path.name in DEAD_FILES):
            path.unlink()


def loaded_by(site: Path, modules: Iterable[str]) -> list[Path]:
    """Return the sources that importing `modules` from the layer in `site` loads, relative to it.

    The layer must be one for this machine. What the Lambda runtime brings comes from this interpreter's environment.
    """
    done = subprocess.run(  # noqa: S603 - this interpreter
        # isolated, and without bytecode, which would be left in the layer
        [sys.executable, "-I", "-S", "-B", "-c", _NAME_WHAT_IS_LOADED],
        input=json.dumps([str(site), list(modules), sysconfig.get_path("purelib")]),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"layers: {site} cannot be imported:\n{done.stderr}")
    return [Path(file).relative_to(site) for file in json.loads(done.stdout)]


def compile_folder(folder: Path, site: Path) -> None:
    """Compile every module below `folder`, which lies in the layer's `site`."""
    # `stripdir` keeps this machine's paths out of the bytecode, `prependdir` names where Lambda mounts the layer.
    compiled = compileall.compile_dir(
        str(folder),
        quiet=1,  # names the file that does not compile
        stripdir=str(site),
        prependdir="/opt/python",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    if not compiled:
        raise SystemExit(f"layers: {folder} holds a file that Python 3.13 cannot compile")


def compile_files(site: Path, files: Iterable[Path]) -> None:
    """Compile these modules of the layer; the others are compiled on Lambda when they are imported."""
    for file in files:
        py_compile.compile(
            str(site / file),
            dfile=f"/opt/python/{file}",
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
