"""The cage around decoders: what a worker process may still do once it reads evidence.

Four layers, each of which stands without the others:

``cage.limits``  memory, file size, open files, no core dump (setrlimit; every POSIX system)
``cage.rights``  no new rights, capabilities given up, memory closed to others, an end with the parent's (Linux)
``cage.files``   landlock: reads the evidence of this scan and Python's own files, writes only in its scratch
                 folder, no TCP, no signals to others (Linux 5.13 and later; more of it with later kernels)
``cage.calls``   a seccomp filter: no sockets, no programs, no other processes, no rights, no metadata of files
                 changed (Linux on x86_64 and aarch64)

The worker closes it after its libraries are loaded and before it is given any file; nothing opens it again. A
layer that can't be had is said in words and never stops a scan, unless the setting `cage` is 'required'.
Sources: Linux's Documentation/userspace-api/landlock.rst and seccomp_filter.rst, setrlimit(2), prctl(2).
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import platform
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from leadlight.config import MIB, Settings
from leadlight.errors import ConfigError
from leadlight.plugins import Registry
from leadlight.records import Act
from leadlight.records.dossier import PluginInfo

LAYOUT = 1
"""What native/cage.c must state."""
HANDLES = 1024
"""Files open at once: far more than nested archives, spools and libraries need."""
SPOOL_SLACK = 64 * MIB
"""Of a spooled member, beyond limits.member_bytes, before that limit itself is noticed."""
MAPPED_SLACK = 4096 * MIB
"""Address space beyond the memory limit: libraries, files and what threads reserve without using it."""
LIMITS, RIGHTS, FILES, CALLS = "cage.limits", "cage.rights", "cage.files", "cage.calls"
_KEPT_CAPABILITIES = 1 << 2 | 1 << 3
"""CAP_DAC_READ_SEARCH, CAP_FOWNER: to read others' files on the medium, their access times left alone."""
_PARTS = 100_000
"""Names of a folder that are looked at for further parts of an image or archive."""

Terms = dict[str, Any]
"""What a worker is told of its cage, as JSON values: roots and scratch, paths in hex."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: `words` say what it holds where it is active, and why it can't be had where not."""

    name: str
    active: bool
    words: str


# -- in the scan


def layers(settings: Settings) -> tuple[Layer, ...]:
    """The layers as this system promises them; what a worker then finds is told by `close`."""
    if settings.cage == "off":
        return tuple(Layer(name, False, "switched off (cage = off)") for name in (LIMITS, RIGHTS, FILES, CALLS))
    native = _native()
    return (
        Layer(LIMITS, True, _limit_words(settings)),
        Layer(RIGHTS, native is not None, "few, and an end with the scan's" if native else _absent()),
        _files_layer(native),
        _calls_layer(native),
    )


def refuse_open(settings: Settings) -> None:
    """Raise ConfigError where the setting requires a cage and this system lacks a layer that its kind can have."""
    if settings.cage != "required":
        return
    lacking = [f"{y.name}: {y.words}" for y in layers(settings) if not y.active and y.name in _own_layers()]
    if lacking:
        raise ConfigError(
            f"a whole cage is required, and some of it can't be had ({'; '.join(lacking)})",
            subject="cage",
            advice="Scan on a system that has it, or set cage to on, which goes without what is missing.",
        )


def listed(plugins: Registry, settings: Settings) -> Registry:
    """The registry with the layers among its infos, so that they are shown and recorded as all parts are."""
    return replace(plugins, infos=(*plugins.infos, *(_info(y) for y in layers(settings))))


def as_recorded(infos: tuple[PluginInfo, ...], acts: Iterable[Act]) -> tuple[PluginInfo, ...]:
    """`infos` with the layers as the newest scan that was ended had them; unchanged where none says."""
    told: Mapping[str, Any] = {}
    for act in acts:
        if act.action == "scan.finish" and act.details.get("cage"):
            told = act.details["cage"]
    if not told:
        return infos
    recorded = (_info(Layer(n, bool(v.get("active")), str(v.get("words", "")))) for n, v in sorted(told.items()))
    return (*(i for i in infos if i.kind != "cage"), *recorded)


def scratch() -> Path | None:
    """A new folder for one worker; None where the temporary folder takes none: then its spools fail, in words."""
    with contextlib.suppress(OSError):
        return Path(tempfile.mkdtemp(prefix="leadlight-"))
    return None


def clear(folder: Path | None) -> None:
    """Remove a scratch folder and whatever a worker left in it."""
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def terms(roots: Iterable[bytes] | None, folder: Path | None) -> Terms:
    """What a worker is told: the real paths of the evidence of this scan (all paths where None), and its scratch
    folder.
    """
    return {
        "roots": None if roots is None else [r.hex() for r in roots],
        "scratch": os.fsencode(folder).hex() if folder else None,
    }


# -- in the worker


def close(told: Terms | None, settings: Settings) -> dict[str, dict[str, Any]]:
    """Close the cage around this process, for good: name of a layer to {'active', 'words'}, as they are now.

    Call it with one thread, libraries loaded. Without `told` all files may be read and none written. Raises
    ConfigError where the setting is 'required' and a layer can't be had.
    """
    found = layers(settings)
    if settings.cage != "off":
        native = _native()
        done = {LIMITS: lambda: _limit(settings)}
        if native is not None:
            held = native
            done[RIGHTS] = lambda: _harden(held)
            done[FILES] = lambda: _landlock(held, told, settings)
            done[CALLS] = held.filter
        found = tuple(_closed(y, done[y.name]) if y.active and y.name in done else y for y in found)
        lacking = [y for y in found if not y.active and y.name in _own_layers()]
        if settings.cage == "required" and lacking:
            raise ConfigError(
                f"a whole cage is required, and a worker could not close it "
                f"({'; '.join(f'{y.name}: {y.words}' for y in lacking)})",
                subject="cage",
                advice="Scan on a system that has it, or set cage to on, which goes without what is missing.",
            )
    return {y.name: {"active": y.active, "words": y.words} for y in found}


def _closed(layer: Layer, act: Any) -> Layer:
    try:
        act()
    except (OSError, ValueError) as e:
        reason = getattr(e, "strerror", None) or str(e)
        return replace(layer, active=False, words=f"could not be closed in a worker ({reason})")
    return layer


# -- limits


def _limit_words(settings: Settings) -> str:
    memory, file = settings.limits.worker_memory_bytes, settings.limits.member_bytes + SPOOL_SLACK
    return f"memory {memory // MIB:,} MiB, file {file // MIB:,} MiB, {HANDLES} open files, no core dump"


def _limit(settings: Settings) -> None:
    memory = settings.limits.worker_memory_bytes
    _lower("RLIMIT_CORE", 0)
    _lower("RLIMIT_MEMLOCK", 0)
    _lower("RLIMIT_MSGQUEUE", 0)
    _lower("RLIMIT_NOFILE", HANDLES)
    _lower("RLIMIT_FSIZE", settings.limits.member_bytes + SPOOL_SLACK)
    _lower("RLIMIT_DATA", memory)
    _lower("RLIMIT_AS", _mapped() + memory + MAPPED_SLACK)
    if sys.platform == "darwin":
        _lower("RLIMIT_NPROC", 0)  # there, threads don't count; on Linux they do, and the filter forbids processes
    with contextlib.suppress(OSError):  # where memory runs out altogether, let it be a worker that goes
        Path("/proc/self/oom_score_adj").write_text("500", "ascii")


def _lower(name: str, value: int) -> None:
    which = getattr(resource, name, None)
    if which is None:
        return
    _, most = resource.getrlimit(which)
    if most != resource.RLIM_INFINITY:
        value = min(value, most)
    resource.setrlimit(which, (value, value))


def _mapped() -> int:
    """Bytes of address space in use; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0


# -- rights


def _harden(native: ModuleType) -> None:
    parent = os.getppid()
    native.harden()
    native.keep_capabilities(_KEPT_CAPABILITIES)
    if os.getppid() != parent:
        raise SystemExit(0)


# -- files

_EXECUTE, _WRITE, _READ, _LIST, _REMOVE_DIR, _REMOVE, _MAKE_DIR, _MAKE = (1 << n for n in (0, 1, 2, 3, 4, 5, 7, 8))
_TRUNCATE = 1 << 14
_OF_A_FILE = _EXECUTE | _WRITE | _READ | _TRUNCATE | 1 << 15
_LOOK = _READ | _LIST
_WORK = _LOOK | _WRITE | _TRUNCATE | _MAKE | _REMOVE | _MAKE_DIR | _REMOVE_DIR
_SYSTEM = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
)
"""What libraries load or ask of the machine; nothing of an account's."""


def handled(abi: int) -> tuple[int, int, int]:
    """What a landlock of version `abi` is asked to guard: bits for files, TCP and what reaches other processes."""
    files = (1 << 13) - 1
    for since, bit in ((2, 13), (3, 14), (5, 15)):
        files |= (abi >= since) << bit
    return files, 3 if abi >= 4 else 0, 3 if abi >= 6 else 0


def _files_layer(native: ModuleType | None) -> Layer:
    if native is None:
        return Layer(FILES, False, _absent())
    abi = native.landlock_abi()
    if abi < 1:
        why = "is not switched on at boot" if -abi == errno.EOPNOTSUPP else "needs Linux 5.13"
        if -abi not in (errno.EOPNOTSUPP, errno.ENOSYS):
            why = f"is refused here ({os.strerror(-abi)})"
        return Layer(FILES, False, f"landlock {why}; this is {platform.release()}")
    missing = [words for since, words in _LATER if abi < since]
    return Layer(FILES, True, f"landlock {abi}" + (f", without {', '.join(missing)}" if missing else ""))


_LATER = (
    (3, "truncating (Linux 6.2)"),
    (4, "TCP (6.7)"),
    (5, "device control (6.10)"),
    (6, "signals and abstract sockets (6.12)"),
)


def _landlock(native: ModuleType, told: Terms | None, settings: Settings) -> None:
    threads = sum(1 for _ in Path("/proc/self/task").iterdir())
    if threads != 1:
        raise ValueError(f"{threads - 1} threads of a library were running before it")
    files, net, scoped = handled(native.landlock_abi())
    with contextlib.ExitStack() as held:
        rules: list[tuple[int, int]] = []
        for path, bits in _permitted(told, settings):
            try:
                there = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue
            held.callback(os.close, there)
            if not os.path.isdir(path):  # noqa: PTH112 (bytes)
                bits &= _OF_A_FILE
            rules.append((there, bits & files))
        native.landlock(tuple(rules), files, net, scoped)


def _permitted(told: Terms | None, settings: Settings) -> Iterator[tuple[bytes, int]]:
    """Paths, and what may be done below each."""
    for path in (*_python_paths(), *_SYSTEM, settings.trust_anchors, settings.writers, settings.cameras):
        if path:
            yield os.fsencode(path), _LOOK
    yield f"/proc/{os.getpid()}".encode("ascii"), _LOOK
    yield os.fsencode(os.devnull), _READ | _WRITE
    if told is None or told["roots"] is None:
        yield b"/", _LOOK
    else:
        for root in told["roots"]:
            yield from ((part, _LOOK) for part in _with_parts(bytes.fromhex(root)))
    if told is not None and told["scratch"]:
        yield bytes.fromhex(told["scratch"]), _WORK


def _python_paths() -> Iterator[str]:
    """Where Python loads from, for what a library imports late."""
    yield from (os.path.abspath(p) for p in sys.path if p)  # noqa: PTH100 (as text)
    for prefix in dict.fromkeys((sys.prefix, sys.base_prefix)):
        yield from (os.path.join(prefix, name) for name in ("lib", "lib64"))  # noqa: PTH118


def _with_parts(root: bytes) -> Iterator[bytes]:
    """A folder; or a file and its neighbours named alike, as the parts of a disk image or archive are."""
    yield root
    if not os.path.isfile(root):  # noqa: PTH113 (bytes)
        return
    folder, name = os.path.split(root)
    head = name.split(b".")[0] or name
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for _, entry in zip(range(_PARTS), entries, strict=False):
            other = entry.name
            if other != name and other.startswith(head) and other[len(head) : len(head) + 1] in (b".", b"-", b"_"):
                yield os.path.join(folder, other)  # noqa: PTH118 (bytes)


# -- calls


def _calls_layer(native: ModuleType | None) -> Layer:
    if native is None:
        return Layer(CALLS, False, _absent())
    fault = native.filter_errno()
    if not fault:
        return Layer(CALLS, True, f"seccomp on {platform.machine()}")
    why = f"not written for {platform.machine()}" if fault == errno.ENOSYS else os.strerror(fault)
    return Layer(CALLS, False, f"no seccomp filter ({why}); this is {platform.system()} {platform.release()}")


# -- the compiled part


def _native() -> ModuleType | None:
    """The compiled layers, or None. LEADLIGHT_TEST_NO_CAGE=1 leaves them out, to see what is without them."""
    if os.environ.get("LEADLIGHT_TEST_NO_CAGE") == "1":
        return None
    try:
        found = importlib.import_module("leadlight.engine._cage")
    except ImportError:
        return None
    return found if getattr(found, "LAYOUT", 0) == LAYOUT else None


def _absent() -> str:
    if sys.platform != "linux":
        return f"no such layer on {platform.system()}"
    return "its compiled part is not installed; install a C compiler and reinstall leadlight"


def _own_layers() -> frozenset[str]:
    """The layers that a system of this kind can have."""
    return frozenset({LIMITS, RIGHTS, FILES, CALLS}) if sys.platform == "linux" else frozenset({LIMITS})


def _info(layer: Layer) -> PluginInfo:
    return PluginInfo(
        name=layer.name,
        kind="cage",
        version=layer.words if layer.active else "",
        module="leadlight.engine.cage",
        available=layer.active,
        missing="" if layer.active else layer.words,
    )
