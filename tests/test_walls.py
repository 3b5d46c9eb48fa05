"""Walls that import-linter does not see: one library, one place; sizes; names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "leadlight"
FILES = sorted(SOURCE.rglob("*.py"))

PLACES = {
    "c2pa": {"provenance/c2pa.py", "provenance/trust.py", "demo/signing.py"},
    "blake3": {"fingerprint/digests.py"},
    "puremagic": {"identify/filetype.py"},
    "pi_heif": {"identify/preview.py"},
    "rawpy": {"identify/preview.py"},
    "pillow_jxl": {"identify/preview.py"},
    "ijson": {"hashlists/jsonstream.py"},
    "defusedxml": {"provenance/xmp.py", "hashlists/ncmec.py"},
    "py7zr": {"sources/sevenzip.py"},
    "inflate64": {"sources/decompress.py"},
    "zstandard": {"sources/decompress.py"},
    "jinja2": {"export/report.py"},
    "cryptography": {"demo/signing.py", "seal/keys.py"},
    "rfc3161_client": {"seal/timestamp.py"},
    "cv2": {"fingerprint/features.py"},
    "onnxruntime": {"scoring/runtime.py"},
    "lir": {"scoring/bounds.py"},
    "click": {
        f"cli/{n}.py"
        for n in (
            *("app", "calibrate", "camera", "demo", "encryption", "evaluate", "features", "keys", "models"),
            *("options", "record"),
        )
    },
    "sqlcipher3": {"store/cipher.py"},
    "pyrage": {"age.py"},
    "sqlite3": {"hashlists/nsrl.py", "store/sorting.py"},
}
"""Libraries made for one job, and the one place of each (two readers of hostile XML, one signer for the demo)."""

NETWORK = SOURCE / "seal" / "network.py"
"""The one module that sends anything: to a timestamp server that the operator named, when asked for."""


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def test_a_library_made_for_one_job_is_imported_in_its_place_alone() -> None:
    for path in FILES:
        name = path.relative_to(SOURCE).as_posix()
        for library in imports(path) & set(PLACES):
            assert name in PLACES[library], f"{name} imports {library}"


def test_no_pickle_no_network_no_code_from_data() -> None:
    forbidden = {
        "pickle",
        "marshal",
        "shelve",
        "socket",
        "http",
        "requests",
        "ftplib",
        "smtplib",
        "ctypes",
    }
    for path in FILES:
        allowed = {"http"} if path == NETWORK else set()
        assert not imports(path) & (forbidden - allowed), path
        assert path == NETWORK or not re.search(r"urllib(3|\.request|\s+import)", path.read_text("utf-8")), path
        calls = {
            node.func.id
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not calls & {"eval", "exec", "compile", "__import__"}, path


def test_modules_are_of_one_size_and_names_are_the_fields_own() -> None:
    for path in FILES:
        text = path.read_text("utf-8")
        assert text.count("\n") <= 400, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                assert not re.search(r"(?i)manager|helper|util", node.name), (path, node.name)


def test_no_word_list_and_nothing_that_grades() -> None:
    """Only Case.grade records a grade, and nothing in the program calls it."""
    for path in FILES:
        if path.name in ("case.py", "record.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                assert node.attr != "grade" or path.parts[-2] in ("cli", "store", "export"), path
