from .sweeps.api import sweep as sweep
from .sweeps.engines.choice import EngineChoice as EngineChoice
from .sweeps.results import SweepResults as SweepResults
from .tuning.api import TuningResults as TuningResults
from .tuning.api import tune as tune
