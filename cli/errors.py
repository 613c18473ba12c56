"""Reasons why a stack cannot run, as messages for the person at the terminal."""


class CannotRun(Exception):
    """The stack cannot run; the message says why and what to do."""


class StackFailed(CannotRun):
    """A program could not be kept running; the message carries its last log lines."""


class FolderInUse(CannotRun):
    """Another process holds this data folder."""


class ServerUnavailable(CannotRun):
    """An embedded server cannot run here, or a configured one does not answer."""


class PortBusy(CannotRun):
    """The requested port is in use."""


class Refused(CannotRun):
    """Running this here would be a mistake."""
