"""Image files, read and inspected.

This module is the only list of its public names; it is imported when one is first used.
"""

from wsbench.contract.kinds import FolderGuess
from wsbench.data.images import DICOM, FileFacts, inspect_files, read_radiograph
from wsbench.files.user_files import image_files, read_text
from wsbench.types import ORGANS

__all__ = [
    "DICOM",
    "ORGANS",
    "FileFacts",
    "FolderGuess",
    "image_files",
    "inspect_files",
    "read_radiograph",
    "read_text",
]
