"""The command line: it parses, calls one function, prints; it computes nothing itself."""

from cutis.cli.app import main

__all__ = ["main"]
