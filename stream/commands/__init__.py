"""What the command line does beside `demo` and `worker`, one module a command; those with many
options declare them in a module of their own, `…_cli`. Only `stream.cli` imports from here."""
