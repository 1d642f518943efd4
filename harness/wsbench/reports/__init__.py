"""Rows, leaderboards, curves and pictures of finished runs; what programs use of it stands in
``__init__.pyi``."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
