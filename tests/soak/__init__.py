"""What a worker takes in the long run: back-pressure, and hours of load (`python -m tests.soak`).

`page.part` may be imported from outside.
"""
