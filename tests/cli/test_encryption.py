"""Keys as an operator gives them, and exports that only a recipient can open."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from leadlight import Case, Settings
from leadlight.casekey import CaseKey, new_key_file
from leadlight.cli import keys
from leadlight.cli.app import run
from leadlight.engine import local
from leadlight.errors import CaseLocked, KeyUnusable

pytest.importorskip("sqlcipher3")
pyrage = pytest.importorskip("pyrage")
WORDS = "quiet harbour wall 7"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keys, "_no_core", lambda: None)
    Path("in").mkdir()
    Image.effect_noise((90, 90), 40).save("in/wall.png")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is typed at the prompts, in order."""
    answers: list[str] = []
    monkeypatch.setattr(keys.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(keys.click, "prompt", lambda *args, **options: answers.pop(0))
    return answers


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(arguments)
    out, err = capsys.readouterr()
    return code, out, err


def test_a_passphrase_is_asked_for_and_changed(capsys: pytest.CaptureFixture[str], typed: list[str]) -> None:
    typed[:] = ["short"]
    code, _, err = call(capsys, "triage", "in", "--case", "c", "--encrypt")
    assert (code, Path("c").exists()) == (2, False)
    assert "shorter than 12" in err
    typed[:] = [WORDS]
    code, out, _ = call(capsys, "triage", "in", "--case", "c", "--encrypt", "--json", "--jobs", "1")
    assert (code, json.loads(out)["encrypted"]) == (0, True)
    for words, expected in ((WORDS, 0), ("another one entirely", 3)):
        typed[:] = [words]
        code, _, err = call(capsys, "queue", "c")
        assert code == expected
    assert "this is not its key" in err
    typed[:] = [WORDS, "another one entirely"]
    code, _, err = call(capsys, "rekey", "c")
    assert (code, typed) == (0, [])
    assert "Earlier copies" in err
    typed[:] = ["another one entirely"]
    assert call(capsys, "verify", "c")[0] == 0
    typed[:] = ["another one entirely"]
    code, _, err = call(capsys, "encrypt", "c")
    assert code == 2
    assert "encrypted already" in err


def test_a_key_file_by_option_or_environment_and_never_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(capsys, "case-key", "k")[:2] == (0, "k\n")
    assert call(capsys, "case-key", "k")[0] == 2
    assert call(capsys, "triage", "in", "--case", "c", "--key-file", "k", "--jobs", "1")[0] == 0
    code, _, err = call(capsys, "queue", "c")
    assert code == 3
    assert "is encrypted, and no key was given" in err
    assert call(capsys, "queue", "c", "--key-file", "k")[0] == 0
    monkeypatch.setenv("LEADLIGHT_CASE_KEY_FILE", "k")
    assert call(capsys, "queue", "c")[0] == 0
    assert call(capsys, "triage", "in", "--case", "d", "--json", "--jobs", "1")[0] == 0
    with pytest.raises(CaseLocked):
        Case.open("d", settings=Settings())
    monkeypatch.setenv("LEADLIGHT_CASE_KEY_FILE", "absent")
    code, _, err = call(capsys, "queue", "c")
    assert code == 2
    assert "can't be read" in err
    with Case.open("d", settings=Settings(), key=CaseKey.from_file(Path("k"))) as case:
        assert all("case_key_file" not in json.dumps(dict(a.details)) for a in case._view.acts())


def test_a_plain_case_is_told_of_once_and_encrypted_later(
    capsys: pytest.CaptureFixture[str], typed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "the case is not encrypted: keep it on an encrypted disk"
    assert words in call(capsys, "triage", "in", "--case", "c", "--jobs", "1")[2]
    assert words not in call(capsys, "triage", "in", "--case", "c", "--jobs", "1")[2]
    assert call(capsys, "report", "c")[0] == 0
    assert "The case is not encrypted: keep it on an encrypted disk." in Path("c/report.html").read_text("utf-8")
    monkeypatch.setenv("LEADLIGHT_CASE_KEY_FILE", "absent")  # names a key that this case does not need
    assert call(capsys, "queue", "c")[0] == 0
    monkeypatch.delenv("LEADLIGHT_CASE_KEY_FILE")
    new_key_file(Path("k"))
    code, _, err = call(capsys, "queue", "c", "--key-file", "k")
    assert code == 2
    assert "the case is not encrypted" in err
    assert call(capsys, "rekey", "c")[0] == 2
    assert call(capsys, "triage", "in", "--case", "c", "--encrypt")[0] == 2
    typed[:] = [WORDS]
    code, _, err = call(capsys, "encrypt", "c")
    assert code == 0
    assert "report.html is there in plain" in err
    assert "An SSD" in err


def test_exports_are_encrypted_to_recipients(capsys: pytest.CaptureFixture[str]) -> None:
    new_key_file(Path("k"))
    first, second = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    Path("people").write_text(f"# the lab\n{second.to_public()}\n\n", encoding="utf-8")
    assert call(capsys, "triage", "in", "--case", "c", "--key-file", "k", "--jobs", "1")[0] == 0
    code, _, err = call(capsys, "report", "c", "--key-file", "k")
    assert code == 2
    assert "would lie in plain within an encrypted case" in err
    assert not Path("c/report.html").exists()
    to = ("--encrypt-to", str(first.to_public()), "--encrypt-to", "people")
    for _ in range(2):  # the second overwrites what is its own
        code, out, _ = call(capsys, "report", "c", "--key-file", "k", *to)
        assert (code, out.strip()) == (0, "c/report.html.age")
    sealed = Path("c/report.html.age").read_bytes()
    assert sealed.startswith(b"age-encryption.org/v1")
    assert b"wall.png" not in sealed
    for identity in (first, second):
        text = pyrage.decrypt(sealed, [identity]).decode("utf-8")
        assert "wall.png" in text
        assert "The case is encrypted." in text
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(sealed, [pyrage.x25519.Identity.generate()])
    code, out, _ = call(capsys, "export", "c", "--as", "report", "--out", "r.age", "--key-file", "k", *to)
    assert code == 0
    assert pyrage.decrypt(Path("r.age").read_bytes(), [first])
    assert [p.name for p in Path().iterdir() if p.name.endswith((".part", ".html"))] == []
    with Case.open("c", settings=Settings(), key=CaseKey.from_file(Path("k"))) as case:
        act = [a for a in case._view.acts() if a.action == "export"][-1]
    assert act.details["encrypted_to"] == [str(first.to_public()), str(second.to_public())]


@pytest.mark.parametrize(
    ("recipient", "words"),
    [("age1nonsense", "no public key of age"), ("absent", "no recipient and no file"), ("secret", "secret key")],
)
def test_what_is_no_recipient_is_refused(recipient: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("secret").write_text(str(pyrage.x25519.Identity.generate()) + "\n", encoding="utf-8")
    Case.create("c", settings=Settings()).close()
    code, out, err = call(capsys, "report", "c", "--encrypt-to", recipient)
    assert code == 2
    assert words in err
    assert "AGE-SECRET-KEY-1" not in out + err


def test_no_worker_is_told_of_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bytes] = []
    popen = subprocess.Popen

    def started(*args: object, **options: object) -> object:
        told.append(repr(options["env"]).encode())
        return popen(*args, **options)  # type: ignore[call-overload]

    sent = local._Seat.send

    def send(self: local._Seat, message: object) -> None:
        told.append(repr(message).encode())
        sent(self, message)  # type: ignore[arg-type]

    new_key_file(Path("lantern.key"))
    monkeypatch.setenv("LEADLIGHT_CASE_KEY_FILE", "lantern.key")
    monkeypatch.setattr(local.subprocess, "Popen", started)
    monkeypatch.setattr(local._Seat, "send", send)
    with Case.create("c", settings=Settings(jobs=1, case_key_file="lantern.key")) as case:
        case.run(["in"])
    assert len(told) > 2
    assert not [t for t in told if b"lantern.key" in t or b"KEY_FILE" in t]


def test_a_passphrase_is_never_asked_for_where_nobody_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("words on standard input\n"))
    with pytest.raises(KeyUnusable, match="Run in a terminal"):
        keys.new_passphrase()
