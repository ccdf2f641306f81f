"""One file per media type; a file laid here is found, and its decoder registered.

Importing this package fills :data:`dissectors.body.bodies`.
"""

from __future__ import annotations

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)
