"""Every setting of the service, read from `INTERESTREAM_*` variables and validated together.

A duration, size or rate carries its unit in its name. `Settings()` reads the environment when it
is called, never at import. `interestream doctor` prints the effective values. What is named below
may be imported from outside.
"""

from stream.settings.effective import Settings, load
from stream.settings.event_types import EventType, default_event_types

__all__ = ["EventType", "Settings", "default_event_types", "load"]
