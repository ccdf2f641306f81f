"""Print a pip constraints file with the lowest version of each requirement in setup.cfg."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from pathlib import Path

REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)>=(?P<version>[0-9][0-9.]*)")


def lowest_versions(setup: configparser.ConfigParser) -> Iterator[str]:
    """Yield ``name==version`` for each requirement that names a lower bound."""
    options = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    for line in "\n".join(options).split():
        if match := REQUIREMENT.match(line):
            yield f"{match['name']}=={match['version']}"


def main() -> None:
    """Read setup.cfg, print the constraints."""
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parents[1] / "setup.cfg")
    print(*sorted(set(lowest_versions(setup))), sep="\n")


if __name__ == "__main__":
    main()
