"""The handlers of the input topics: thin, one screen each.

`stream.app` gives them to `stream.kafka.partitions`; nothing else imports them.
"""
