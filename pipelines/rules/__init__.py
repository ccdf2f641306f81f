"""The rules; one file per thing that can be wrong.

Importing this package finds every module in its folder: adding a file is all that a new rule takes.
:mod:`pipelines.finding` is their contract.
"""

from __future__ import annotations

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
