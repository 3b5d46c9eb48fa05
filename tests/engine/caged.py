"""What a probe in a cage tries, as a process of its own: ``caged.py FACTS LAYERS`` prints what became of each act.

FACTS is JSON with the paths and the port to try; LAYERS which layers to close, so that each is seen alone.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path

from leadlight.config import MIB, load
from leadlight.engine import cage

LIBC = ctypes.CDLL(None, use_errno=True)
OLD = 1_500_000_000


def call(function, *arguments) -> None:
    if function(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def fork() -> None:
    if not (child := os.fork()):
        os._exit(0)
    os.waitpid(child, 0)


def spawn() -> None:
    os.waitpid(os.posix_spawn("/bin/true", ["/bin/true"], {}), 0)


def connect(facts: dict) -> None:
    with socket.socket() as s:
        s.connect(("127.0.0.1", facts["port"]))


def bind() -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))


def abstract(facts: dict) -> None:
    with socket.socket(socket.AF_UNIX) as s:
        s.connect("\0" + facts["abstract"])


def thread() -> None:
    done: list[int] = []
    threads = [threading.Thread(target=done.append, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if sorted(done) != [0, 1, 2, 3]:
        raise RuntimeError("threads")


def spool() -> None:
    with tempfile.TemporaryFile() as f:
        f.write(b"x" * MIB)
        f.seek(0)
        if len(f.read()) != MIB:
            raise RuntimeError("spool")


def named_spool() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "a").write_bytes(b"x")


def late() -> None:
    import colorsys  # noqa: F401
    import zoneinfo

    from PIL import TgaImagePlugin  # noqa: F401

    zoneinfo.ZoneInfo("UTC")
    os.urandom(8)


def overfull() -> None:
    with tempfile.TemporaryFile() as f:
        f.truncate(65 * MIB + 8 * MIB)


def acts(facts: dict) -> dict:
    evidence, outside = Path(facts["evidence"]), Path(facts["outside"])
    file = evidence / "a.bin"
    parent = os.getppid()
    return {
        "read evidence": lambda: file.read_bytes(),
        "list evidence": lambda: list(evidence.iterdir()),
        "thread": thread,
        "spool": spool,
        "named spool": named_spool,
        "late import": late,
        "signal to itself": lambda: os.kill(os.getpid(), 0),
        "decode": lambda: __import__("PIL.Image").Image.open(evidence / "b.png").load(),
        "connect": lambda: connect(facts),
        "bind": bind,
        "abstract socket": lambda: abstract(facts),
        "socket pair": lambda: [s.close() for s in socket.socketpair()],
        "write at home": lambda: (Path(facts["home"]) / "new").write_bytes(b"x"),
        "write in evidence": lambda: (evidence / "new").write_bytes(b"x"),
        "append to evidence": lambda: file.open("ab").close(),
        "truncate evidence": lambda: os.truncate(file, 1),
        "open and truncate evidence": lambda: os.close(os.open(file, os.O_RDONLY | os.O_TRUNC)),
        "rename evidence": lambda: (evidence / "c.bin").rename(evidence / "d.bin"),
        "unlink evidence": lambda: (evidence / "b.png").unlink(),
        "link evidence out": lambda: os.link(file, Path(facts["scratch"]) / "linked"),
        "link": lambda: (Path(facts["scratch"]) / "soft").symlink_to(file),
        "fifo": lambda: os.mkfifo(Path(facts["scratch"]) / "fifo"),
        "folder in evidence": lambda: (evidence / "folder").mkdir(),
        "mode of evidence": lambda: file.chmod(0o600),
        "times of evidence": lambda: os.utime(file, (OLD, OLD)),
        "attribute of evidence": lambda: os.setxattr(file, "user.x", b"1"),
        "read outside": lambda: outside.read_bytes(),
        "read a neighbour's part": lambda: Path(facts["part"]).read_bytes(),
        "list outside": lambda: list(outside.parent.iterdir()),
        "read passwd": lambda: Path("/etc/passwd").read_bytes(),
        "parent's environment": lambda: Path(f"/proc/{parent}/environ").read_bytes(),
        "parent's arguments": lambda: Path(f"/proc/{parent}/cmdline").read_bytes(),
        "fork": fork,
        "exec": spawn,
        "ptrace parent": lambda: call(LIBC.ptrace, 0x4206, parent, 0, 0),  # SEIZE: does not stop it
        "signal parent": lambda: os.kill(parent, 0),
        "nice": lambda: os.setpriority(os.PRIO_PROCESS, parent, 5),
        "memfd": lambda: os.close(os.memfd_create("x")),
        "io_uring": lambda: call(LIBC.syscall, 425, 1, ctypes.create_string_buffer(256)),
        "shared memory": lambda: call(LIBC.shmget, 0, 4096, 0o1600),
        "namespace": lambda: call(LIBC.unshare, 0x10000000),
        "mount": lambda: call(LIBC.mount, b"none", facts["scratch"].encode(), b"tmpfs", 0, None),
        "become another": lambda: os.setuid(65534),
        "type for the terminal": lambda: call(LIBC.ioctl, 0, 0x5412, b"x"),
        "outlive the parent": lambda: call(LIBC.prctl, 1, 0, 0, 0, 0),
        "raise a limit": lambda: __import__("resource").setrlimit(7, (2000, 2000)),
        "much memory": lambda: bytearray(1200 * MIB) and None,
        "much shared memory": lambda: __import__("mmap").mmap(-1, 6000 * MIB).close(),
        "a great file": overfull,
    }


def main() -> None:
    facts, wanted = json.loads(sys.argv[1]), sys.argv[2].split(",")
    os.environ["TMPDIR"] = facts["scratch"]
    settings = load(
        {"limits": {"worker_memory_bytes": 512 * MIB, "member_bytes": 1 * MIB}}, environ={"LEADLIGHT_CAGE": "on"}
    )
    native = cage._native()
    told = cage.terms([os.fsencode(facts["evidence"]), os.fsencode(facts["first"])], Path(facts["scratch"]))
    out: dict = {}
    if wanted == ["all"]:
        out["layers"] = cage.close(told, settings)
    if "limits" in wanted:
        cage._limit(settings)
    if {"files", "calls"} & set(wanted):
        native.harden()
    if "files" in wanted:
        cage._landlock(native, told, settings)
    if "calls" in wanted:
        native.filter()
    if "wait" in wanted:
        native.harden()
        print(os.getpid(), flush=True)
        signal.pause()
    for name, act in acts(facts).items():
        try:
            act()
        except OSError as e:
            out[name] = e.errno
        except (MemoryError, ValueError) as e:
            out[name] = type(e).__name__
        else:
            out[name] = "done"
    print(json.dumps(out))


if __name__ == "__main__":
    main()
