"""What goes over the wire: messages in and out, their checks, headers and AsyncAPI document.

From outside: `decode`, `encode`, `cloudevents`, `deadletter`, `ids`, `messages`, `reasons`.
"""
