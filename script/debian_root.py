"""A Debian 12 in a folder, made by debootstrap from where this machine installs its packages."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

# As Debian's slim images have it.
SLIM = """path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/lintian/*
"""


def sources():
    """[(address, suite)] of the Debian 12 that this machine installs from."""
    said = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)",
         "Created-By: Packages"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    found = [line.split() for line in sorted(set(said.splitlines()))]
    return [(line[0], line[1]) for line in found
            if line[2:] == ["main", "Debian"] and line[1].startswith("bookworm")]  # fmt: skip


def make(root, cache):
    """Debian 12 as its slim image is, in the folder `root`; `cache` keeps the packages for the next time."""
    places = sources()
    main = next((address for address, suite in places if suite == "bookworm"), None)
    if main is None:
        sys.exit("debian_root: apt has no lists of Debian 12: run apt-get update")
    Path(cache).mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["debootstrap", "--variant=minbase", f"--cache-dir={cache}", "bookworm", str(root), main],
        # No device of this machine is open in there.
        input="", capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        sys.exit(f"debian_root: debootstrap failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    (root / "etc/apt/sources.list").write_text(
        "".join(f"deb {address} {suite} main\n" for address, suite in places)
    )
    (root / "etc/dpkg/dpkg.cfg.d/docker").write_text(SLIM)
    for folder in ("var/cache/apt/archives", "var/lib/apt/lists"):
        shutil.rmtree(root / folder)
        (root / folder).mkdir()
    for folder in ("man", "info", "locale", "lintian"):
        shutil.rmtree(root / "usr/share" / folder, ignore_errors=True)
    for path in (root / "usr/share/doc").glob("*/*"):
        if path.name != "copyright":
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def size_bytes(root):
    """Of what an image's layers would hold: every file once."""
    seen, total = set(), 0
    for folder, _, names in os.walk(root):
        for name in names:
            status = os.lstat(os.path.join(folder, name))
            if status.st_ino not in seen:
                seen.add(status.st_ino)
                total += status.st_size
    return total
