"""`python -m bench [dataplane|demo|packets]`: without a word, everything that measures the agent and its data plane."""

from __future__ import annotations

import importlib
import sys

PARTS = ("dataplane", "demo", "packets")
DEFAULT = PARTS[:2]


def main() -> int:
    chosen = sys.argv[1:] or DEFAULT
    if not set(chosen) <= set(PARTS):
        print(f"usage: ./run bench [{'|'.join(PARTS)}]", file=sys.stderr)
        return 2
    for name in chosen:
        print(f"\n## {name}\n")
        importlib.import_module(f"bench.{name}").run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
