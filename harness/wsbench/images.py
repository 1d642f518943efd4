"""Functions that find, inspect and read image files and the files beside them.

The public names are listed here alone. The module is imported when one of them is first used.
"""

from wsbench.contract.kinds import FolderGuess
from wsbench.data.images import DICOM, FileFacts, inspect_files, read_radiograph
from wsbench.files.documents import read_json
from wsbench.files.user_files import image_files, read_text
from wsbench.types import ORGANS

__all__ = [
    "DICOM",
    "ORGANS",
    "FileFacts",
    "FolderGuess",
    "image_files",
    "inspect_files",
    "read_json",
    "read_radiograph",
    "read_text",
]
