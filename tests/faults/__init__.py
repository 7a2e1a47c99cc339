"""Faults under load: a proxy that breaks connections, hooks inside workers, checked rounds.

`python -m tests.faults.run` runs rounds and prints the table of what each fault ended in.
"""
