"""Python runs this at its start where the folder is on PYTHONPATH."""

from tests.faults import hooked, moments

hooked.install()
moments.install()
