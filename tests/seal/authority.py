"""A timestamp server made on the spot with OpenSSL: a throwaway root, a certificate, and answers."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

EXTENSIONS = "basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\n"
PURPOSE = "extendedKeyUsage=critical,timeStamping\n"


@dataclass(frozen=True)
class Authority:
    folder: Path
    root: Path
    """PEM."""

    def answer(self, request: bytes, *, chain: bool = False, digests: str = "sha256") -> bytes:
        """The TimeStampResp to a request; with `chain`, the root comes along, in OpenSSL's order."""
        (self.folder / "q.tsq").write_bytes(request)
        certs = f"certs = {self.root}\n" if chain else ""
        (self.folder / "tsa.cnf").write_text(
            f"[tsa]\ndefault_tsa = t\n[t]\nserial = {self.folder}/serial\n{certs}"
            f"signer_cert = {self.folder}/tsa.pem\n"
            f"signer_key = {self.folder}/tsa.key\nsigner_digest = sha256\ndefault_policy = 1.2.3.4.1\n"
            f"digests = {digests}\ntsa_name = yes\ness_cert_id_chain = no\n"
        )
        openssl(self.folder, "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "q.tsq", "-out", "r.tsr")
        return (self.folder / "r.tsr").read_bytes()


def openssl(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()


def make_authority(folder: Path, name: str = "Example TSA", *, starts: str = "", ends: str = "") -> Authority:
    """A root and a certificate for timestamps; valid from now unless `starts` and `ends` say (YYYYMMDDHHMMSSZ)."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl not found")
    folder.mkdir(parents=True, exist_ok=True)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl(
        folder, "req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30",
        "-subj", f"/CN={name} Root", "-addext", "basicConstraints=critical,CA:true",
        "-addext", "keyUsage=critical,keyCertSign",
    )  # fmt: skip
    openssl(folder, "req", *curve, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", f"/CN={name}")
    (folder / "ext.cnf").write_text(EXTENSIONS + PURPOSE)
    if not starts:
        openssl(
            folder, "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", "tsa.pem", "-days", "20", "-extfile", "ext.cnf",
        )  # fmt: skip
    else:
        (folder / "index").write_text("")
        (folder / "number").write_text("01\n")
        (folder / "ca.cnf").write_text(
            f"[ca]\ndefault_ca = d\n[d]\ndatabase = {folder}/index\nserial = {folder}/number\n"
            f"new_certs_dir = {folder}\n"
            "default_md = sha256\npolicy = p\n[p]\ncommonName = supplied\n"
        )
        openssl(
            folder, "ca", "-batch", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-in", "tsa.csr",
            "-out", "tsa.pem", "-startdate", starts, "-enddate", ends, "-extfile", "ext.cnf", "-notext",
        )  # fmt: skip
    return Authority(folder, folder / "ca.pem")
