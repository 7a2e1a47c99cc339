"""The delivery protocol under every order of events that a search finds: two workers with the real
commit, one simulated broker, one simulated store. `python -m tests.simulation` searches longer."""
