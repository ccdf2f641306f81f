"""The analyses; one file per table that is computed from other tables.

Importing this package finds every module in its folder: adding a file is all that a new analysis
takes.
"""

from __future__ import annotations

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
