"""What developers run against Outlay, shared by tests and benchmarks: scripted servers, processes, chaos.

Not part of the distribution. It may import everything but `tests` and `benchmarks`.
"""
