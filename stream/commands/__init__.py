"""What the command line does beside `demo` and `worker`, one module a command.
Only `stream.cli` imports from here."""
