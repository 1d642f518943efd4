"""Image files, read and inspected: the names in ``images.pyi``, loaded when they are first used."""

import lazy_loader

# The stub names modules from the package on, of which this module is only a window.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__package__, __file__)
