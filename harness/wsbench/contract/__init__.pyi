from .learning import Sign as Sign
from .trackers import TrackedRun as TrackedRun
from .trackers import Tracker as Tracker
from .trackers import TrackerSpec as TrackerSpec
