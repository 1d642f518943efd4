"""Names of classes and findings: which of them mean the same.

The public names are listed here alone. The module is imported when one of them is first used.
"""

from wsbench.data.class_names import SYNONYMS, same_names
from wsbench.utils.names import letters_and_digits

__all__ = ["SYNONYMS", "letters_and_digits", "same_names"]
