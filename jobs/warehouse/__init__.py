"""Loads gold into a warehouse: the protocol, and its engines."""
