"""What jobs share: settings, session, table registry, read, write, ledger."""
