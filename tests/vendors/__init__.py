"""Stand-ins of the vendors: they speak the real protocol, on loopback, and fail as scripted."""
