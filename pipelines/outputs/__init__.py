"""The output formats; one file per format.

Importing this package finds every module in its folder: adding a file is all that a new format
takes.
"""

from __future__ import annotations

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
