from .data.images import FileFacts as FileFacts
from .data.images import inspect_files as inspect_files
from .data.images import read_radiograph as read_radiograph
from .files.user_files import image_files as image_files
from .files.user_files import read_text as read_text
from .types import ORGANS as ORGANS
