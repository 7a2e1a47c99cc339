"""Python runs this at its start where the folder is on PYTHONPATH."""

from tests.faults.hooked import install

install()
