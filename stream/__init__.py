"""interestream: a live picture of what every user is interested in.

The command line (`stream.cli`) is the way in from outside; nothing here is a public library yet.
"""
