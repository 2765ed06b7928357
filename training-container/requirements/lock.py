"""Writes <name>.lock: every package that a list needs, by version and sha256, for the images' Python and platform.

    python training-container/requirements/lock.py serve train

Run it on a connected machine after a list has changed; pip's own index settings are honoured.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
TARGET = ["--python-version", "3.12", "--platform", "manylinux_2_28_x86_64", "--platform", "manylinux_2_17_x86_64"]


def lock(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--only-binary=:all:", "--target", folder, "--report", str(report), *TARGET]
        # train.txt is complete; letting pip resolve it would bring a second torch.
        command += ["--no-deps"] if name == "train" else []
        subprocess.run([*command, "-r", str(HERE / f"{name}.txt")], check=True)
        lines = [
            f"{item['metadata']['name'].lower()}=={item['metadata']['version']} "
            f"--hash=sha256:{item['download_info']['archive_info']['hashes']['sha256']}"
            for item in json.loads(report.read_text())["install"]
        ]
    (HERE / f"{name}.lock").write_text("\n".join(sorted(lines)) + "\n")


if __name__ == "__main__":
    for each in sys.argv[1:]:
        lock(each)
