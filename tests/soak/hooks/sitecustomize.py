"""Python runs this at its start where the folder is on PYTHONPATH."""

from tests.soak.slowed import install

install()
