"""Run the benchmarks, one after the other: `make bench [DATA=DIR] [ONLY=request]`. Each ends with one line of JSON."""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OWN = {"run", "load", "proxy", "sets"}  # not benchmarks themselves


def main() -> int:
    """Return 0 if every benchmark ran; a benchmark that fails does not stop the others."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="a folder of data sets; without it the example is used")
    parser.add_argument("only", nargs="*", help="names of benchmarks")
    chosen = parser.parse_args()
    failed = []
    for path in sorted(HERE.glob("*.py")):
        if path.stem in OWN or (chosen.only and path.stem not in chosen.only):
            continue
        sys.stdout.write(f"== {path.stem}\n")
        sys.stdout.flush()
        data = ["--data", chosen.data] if chosen.data and "--data" in path.read_text() else []
        if subprocess.run([sys.executable, str(path), *data], check=False).returncode:
            failed.append(path.stem)
    if failed:
        sys.stderr.write(f"failed: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
