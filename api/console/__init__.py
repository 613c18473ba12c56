"""The web console: pages over the public API, for people who review and label."""
