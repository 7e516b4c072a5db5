"""Certificates for the tests, made by the openssl command: a CA, another CA, leaves of every kind."""

from __future__ import annotations

import subprocess
from pathlib import Path

_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Pki:
    """A folder with `<name>.pem`, `<name>.key`, and for the node `<name>.der`, `<name>.key.der`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("ca", "stranger"):
            self._openssl(
                "req", "-x509", *_CURVE, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN=the {name}",
                "-days", "3650", "-addext", "keyUsage=critical,keyCertSign",
            )  # fmt: skip
            self._der(name)

    def _openssl(self, *arguments: str) -> None:
        done = subprocess.run(
            ["openssl", *arguments], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"openssl {' '.join(arguments)}: {done.stderr}"

    def _der(self, name: str) -> None:
        self._openssl("x509", "-in", f"{name}.pem", "-outform", "DER", "-out", f"{name}.der")
        self._openssl(
            "pkcs8", "-topk8", "-nocrypt", "-in", f"{name}.key", "-outform", "DER", "-out", f"{name}.key.der"
        )

    def leaf(self, name: str, names: str = "", days: int = 365, ca: str = "ca") -> None:
        """A certificate for `names` (as in subjectAltName); negative `days`: it expired so many days ago."""
        request = ["-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}"]
        self._openssl("req", "-new", *_CURVE, *request)
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(
            f"subjectAltName={names}\n" if names else "keyUsage=critical,digitalSignature\n"
        )
        sign = ["-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", str(days)]
        self._openssl(
            "x509", "-req", "-in", f"{name}.csr", *sign, "-extfile", str(extensions), "-out", f"{name}.pem"
        )
        self._der(name)

    def path(self, name: str) -> Path:
        """A file of the folder."""
        return self.folder / name
