"""`key`, `seal` and `verify` as an operator types them."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from leadlight.cli.app import run
from leadlight.config import PASSPHRASE
from tests.evidence import png
from tests.seal.authority import Authority, make_authority
from tests.seal.test_network import said, serving

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object, **environ: str) -> tuple[int, str, str]:
        with monkeypatch.context() as patch:
            for name, value in environ.items():
                patch.setenv(name, value)
            code = run([str(a) for a in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return call


@pytest.fixture(scope="module")
def triaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("triaged")
    (folder / "evidence").mkdir()
    (folder / "evidence" / "plain.png").write_bytes(png(2))
    assert run(["triage", str(folder / "evidence"), "--case", str(folder / "c"), "--json"]) == 0
    return folder


@pytest.fixture
def case(triaged: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(triaged / "c", tmp_path / "c"))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("tsa"))


@pytest.fixture
def key(cli: Cli) -> str:
    assert cli("key", "new", "lab.pem", "--no-passphrase")[0] == 0
    return "lab.pem"


def actions(case: Path) -> list[str]:
    with closing(sqlite3.connect(case / "case.db")) as raw:
        return [a for (a,) in raw.execute("SELECT action FROM act ORDER BY number")]


def told(out: str) -> tuple[bool, list[str], list[str]]:
    plain = json.loads(out)
    return plain["holds"], [f["what"] for f in plain["faults"]], [n["what"] for n in plain["notes"]]


def test_seal_then_verify_with_the_seal_and_the_key(cli: Cli, case: Path, key: str, tmp_path: Path) -> None:
    code, out, _ = cli("seal", case, "--key", key, "--out", "s.json", "--json")
    sealed = json.loads(out)
    assert code == 0
    assert set(sealed) == {"act", "seal", "signature", "stamped"}
    assert sealed["stamped"] is None
    assert json.loads((tmp_path / "s.json").read_text()) == {k: sealed[k] for k in ("seal", "signature")}
    assert actions(case)[sealed["act"] - 1 :] == ["seal"]
    assert set(sealed["seal"]) == {"form", "case", "act", "digest", "time", "key", "software"}
    code, out, _ = cli("verify", case, "--seal", "s.json", "--key", "lab.pem.pub", "--json")
    assert code == 0
    holds, faults, (note,) = told(out)
    assert (holds, faults) == (True, [])
    assert "covers acts 1 to" in note
    assert "was checked against a key" in told(cli("verify", case, "--json")[1])[2][0]


def test_a_tail_cut_off_is_named(cli: Cli, case: Path, key: str, tmp_path: Path) -> None:
    shutil.copytree(case, tmp_path / "before")
    assert cli("seal", case, "--key", key)[0] == 0
    assert cli("seal", case, "--key", key, "--out", "s.json")[0] == 0
    shutil.rmtree(case)
    (tmp_path / "before").rename(case)
    assert cli("verify", case)[0] == 0
    code, out, _ = cli("verify", case, "--seal", "s.json")
    last, sealed = len(actions(case)), json.loads((tmp_path / "s.json").read_text())["seal"]["act"]
    assert code == 3
    assert f"ends at act {last}; the seal of" in out
    assert f"names act {sealed}" in out


def test_a_key_is_locked_and_its_passphrase_comes_from_the_environment(cli: Cli, case: Path) -> None:
    code, out, err = cli("key", "new", "lab.pem", **{PASSPHRASE: "several words"})
    assert code == 0
    assert out.split() == ["lab.pem", "lab.pem.pub"]
    assert err.startswith("key ")
    assert cli("seal", case, "--key", "lab.pem", **{PASSPHRASE: "several words"})[0] == 0
    for environ, words in (({PASSPHRASE: "other"}, "passphrase is wrong"), ({}, "could not be asked for")):
        code, _, err = cli("seal", case, "--key", "lab.pem", **environ)
        assert code == 2
        assert words in err
    assert actions(case).count("seal") == 1
    code, _, err = cli("key", "new", "other.pem")
    assert code == 2
    assert "--no-passphrase" in err
    code, _, err = cli("key", "new", "lab.pem", "--no-passphrase")
    assert code == 2
    assert "never overwritten" in err


def test_a_passphrase_is_asked_for_at_a_terminal(cli: Cli, case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import click

    asked: list[dict[str, object]] = []

    def prompt(text: str, **options: object) -> str:
        asked.append(options)
        return "several words"

    monkeypatch.setattr(click, "prompt", prompt)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert cli("key", "new", "lab.pem")[0] == 0
    assert cli("seal", case, "--key", "lab.pem")[0] == 0
    assert all(o["hide_input"] for o in asked)
    assert asked[0]["confirmation_prompt"]


def test_the_setting_seals_each_run(cli: Cli, triaged: Path, key: str, tmp_path: Path) -> None:
    code, out, err = cli(
        "triage", triaged / "evidence", "--case", "new", "--json", LEADLIGHT_SEAL_KEY=str(tmp_path / key)
    )
    sealed = json.loads(out)["sealed"]
    assert code == 0
    assert actions(tmp_path / "new")[-1] == "seal"
    assert sealed == len(actions(tmp_path / "new"))
    assert "is sealed up to act" in err
    assert cli("verify", "new", "--key", "lab.pem.pub")[0] == 0


def test_a_run_without_the_passphrase_says_that_it_was_not_sealed(cli: Cli, triaged: Path, tmp_path: Path) -> None:
    assert cli("key", "new", "lab.pem", **{PASSPHRASE: "several words"})[0] == 0
    arguments = ("triage", triaged / "evidence", "--case", "new", "--json")
    code, out, err = cli(*arguments, LEADLIGHT_SEAL_KEY="lab.pem")
    assert code == 0
    assert json.loads(out)["sealed"] is None
    assert "will not be sealed" in err
    assert "was not sealed: its key stayed locked" in err
    shutil.rmtree(tmp_path / "new")
    code, out, err = cli(*arguments, LEADLIGHT_SEAL_KEY="lab.pem", **{PASSPHRASE: "other"})
    assert code == 2
    assert "passphrase is wrong" in err
    assert not (tmp_path / "new").exists(), "before anything is made"


def test_workers_are_not_told_the_passphrase(cli: Cli, triaged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from leadlight.engine.local import LocalEngine

    seen: list[bool] = []
    start = LocalEngine.run

    def watched(self: LocalEngine, *args: object) -> object:
        seen.append(PASSPHRASE in os.environ)
        return start(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(LocalEngine, "run", watched)
    assert cli("key", "new", "lab.pem", **{PASSPHRASE: "several words"})[0] == 0
    environ = {PASSPHRASE: "several words", "LEADLIGHT_SEAL_KEY": "lab.pem"}
    code, out, _ = cli("triage", triaged / "evidence", "--case", "new", "--json", **environ)
    assert (code, seen) == (0, [False])
    assert json.loads(out)["sealed"]


def test_a_timestamp_by_hand(cli: Cli, case: Path, key: str, authority: Authority, tmp_path: Path) -> None:
    root = authority.root
    code, _, err = cli("seal", case, "--response", key, "--tsa", root)
    assert code == 2
    assert "no timestamp was asked for" in err
    assert cli("seal", case, "--key", key, "--request", "q.tsq")[0] == 0
    (tmp_path / "r.tsr").write_bytes(authority.answer((tmp_path / "q.tsq").read_bytes()))
    code, _, err = cli("seal", case, "--response", "r.tsr")
    assert code == 2
    assert "timestamp_roots" in err
    (tmp_path / "bad.tsr").write_bytes((tmp_path / "r.tsr").read_bytes()[:-4])
    assert cli("seal", case, "--response", "bad.tsr", "--tsa", root)[0] == 3
    code, out, _ = cli("seal", case, "--response", "r.tsr", "--tsa", root, "--out", "s.json")
    assert code == 0
    assert "by CN=Example TSA" in out
    assert actions(case)[-3:] == ["seal", "seal.request", "seal.timestamp"]
    everything = ("verify", case, "--seal", "s.json", "--key", "lab.pem.pub", "--tsa", root, "--json")
    holds, faults, notes = told(cli(*everything)[1])
    assert (holds, faults) == (True, [])
    assert any("was stamped at" in n for n in notes)
    assert any("2 timestamps were not checked" in n for n in told(cli(*everything[:6], "--json")[1])[2])


def test_an_answer_to_an_older_request_is_refused(
    cli: Cli, case: Path, key: str, authority: Authority, tmp_path: Path
) -> None:
    assert cli("seal", case, "--key", key, "--request", "q.tsq")[0] == 0
    (tmp_path / "r.tsr").write_bytes(authority.answer((tmp_path / "q.tsq").read_bytes()))
    assert cli("seal", case, "--key", key, "--request", "q2.tsq")[0] == 0
    code, _, err = cli("seal", case, "--response", "r.tsr", "--tsa", authority.root)
    assert code == 3
    assert "nonce differs" in err
    assert "seal.timestamp" not in actions(case)


def test_a_timestamp_that_was_exchanged_is_named_by_verify(
    cli: Cli, case: Path, key: str, authority: Authority, tmp_path: Path
) -> None:
    assert cli("seal", case, "--key", key, "--request", "q.tsq")[0] == 0
    (tmp_path / "r.tsr").write_bytes(authority.answer((tmp_path / "q.tsq").read_bytes()))
    assert cli("seal", case, "--response", "r.tsr", "--tsa", authority.root, "--out", "s.json")[0] == 0
    plain = json.loads((tmp_path / "s.json").read_text())
    plain["timestamp"]["nonce"] = "1"
    (tmp_path / "s.json").write_text(json.dumps(plain))
    code, out, _ = cli("verify", case, "--seal", "s.json", "--tsa", authority.root)
    assert code == 3
    assert "its timestamp does not hold" in out
    other = make_authority(tmp_path / "other")
    code, out, _ = cli("verify", case, "--tsa", other.root)
    assert code == 3
    assert "its timestamp does not hold" in out


def test_a_timestamp_from_the_server_that_the_settings_name(
    cli: Cli, case: Path, key: str, authority: Authority, tmp_path: Path
) -> None:
    def reply(handler: object, body: bytes) -> None:
        said(200, authority.answer(body))(handler, body)  # type: ignore[arg-type]

    arguments = ("seal", case, "--key", key, "--timestamp", "--tsa", authority.root, "--json")
    with serving(reply) as server:
        environ = {"LEADLIGHT_TIMESTAMP_URL": server.url}
        assert cli("seal", case, "--key", key, **environ)[0] == 0
        assert cli("verify", case, **environ)[0] == 0
        assert not server.asked, "nothing is sent unless asked for"
        code, out, _ = cli(*arguments, "--out", "s.json", **environ)
        assert len(server.asked) == 1
    assert code == 0
    plain = json.loads(out)
    assert plain["stamped"]["authority"] == "CN=Example TSA"
    assert plain["timestamp"]["response"] in (tmp_path / "s.json").read_text()
    assert actions(case)[-1] == "seal.timestamp"
    assert cli("verify", case, "--seal", "s.json", "--key", "lab.pem.pub", "--tsa", authority.root)[0] == 0


def test_where_no_timestamp_can_be_had_the_seal_stands_and_that_is_said(
    cli: Cli, case: Path, key: str, authority: Authority, tmp_path: Path
) -> None:
    arguments = ("seal", case, "--key", key, "--timestamp", "--out", "s.json")
    code, _, err = cli(*arguments, "--tsa", authority.root)
    assert code == 2
    assert "timestamp_url" in err
    with serving(said(200, b"garbage")) as server:
        code, _, err = cli(*arguments, LEADLIGHT_TIMESTAMP_URL=server.url)
        assert code == 2
        assert "timestamp_roots" in err
        assert not server.asked, "an answer that could not be checked is not asked for"
        assert "seal" not in actions(case)
        code, out, err = cli(*arguments, "--tsa", authority.root, LEADLIGHT_TIMESTAMP_URL=server.url)
    assert code == 3
    assert "without a timestamp" in err
    assert "is sealed up to act" in out
    assert actions(case)[-1] == "seal"
    assert cli("verify", case, "--seal", "s.json", "--key", "lab.pem.pub")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["seal", "c"], "a key: is needed"),
        (["seal", "c", "--key", "none.pem"], "can't be read"),
        (["seal", "c", "--key", "lab.pem.pub"], "no private key"),
        (["seal", "c", "--key", "lab.pem", "--out", "c/s.json"], "lies within the case"),
        (["seal", "c", "--key", "lab.pem", "--out", "EVIDENCE/s.json"], "evidence is never written to"),
        (["seal", "c", "--key", "lab.pem", "--request", "EVIDENCE/q.tsq"], "evidence is never written to"),
        (["seal", "c", "--key", "lab.pem", "--out", "lab.pem"], "is there already"),
        (["seal", "c", "--key", "lab.pem", "--timestamp", "--request", "q"], "Give one of them"),
        (["verify", "c", "--key", "lab.pem"], "is a private key"),
        (["verify", "c", "--key", "none.pub"], "can't be read"),
        (["verify", "c", "--seal", "lab.pem"], "is no seal"),
        (["verify", "c", "--tsa", "lab.pem.pub"], "must hold certificates"),
        (["key", "new", "none/lab.pem", "--no-passphrase"], "can't be written"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else None,
)
def test_what_can_not_be_used_is_named_and_nothing_is_sealed(
    cli: Cli, case: Path, triaged: Path, key: str, arguments: list[str], words: str
) -> None:
    code, _, err = cli(*[a.replace("EVIDENCE", str(triaged / "evidence")) for a in arguments])
    assert code == 2
    assert words in err
    assert "seal" not in actions(case)


def test_the_report_names_the_newest_seal(cli: Cli, case: Path, key: str, tmp_path: Path) -> None:
    assert cli("report", case, "--out", "before.html")[0] == 0
    assert "None: the record rests on its own chain" in (tmp_path / "before.html").read_text("utf-8")
    seals = [json.loads(cli("seal", case, "--key", key, "--json")[1])["seal"] for _ in range(2)]
    assert cli("report", case, "--out", "after.html")[0] == 0
    text = (tmp_path / "after.html").read_text("utf-8")
    assert f"act {seals[1]['act']} of the record" in text
    assert seals[1]["key"][:16] in text
    assert f"act {seals[0]['act']} of the record" not in text
