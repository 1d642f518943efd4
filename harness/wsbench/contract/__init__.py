"""The contract between the harness and plugins: base classes, specs, hooks and records.

What trackers need of it stands in ``__init__.pyi``. All other public names are those of `wsbench` itself.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
