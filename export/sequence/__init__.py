"""`interestream-export sequence`: from recorded events to a model that the worker reads.

What learns and ranks imports torch; the command does so only when it runs.
"""
