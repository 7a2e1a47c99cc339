"""Questions about users, items and segments, answered from the store and a worker's replica.

`Reads` is what `stream.web` serves; `Lookalikes` serves the command line as well. Answers are the
structs of `answers`, whose JSON is what readers get. Nothing here writes.
"""
