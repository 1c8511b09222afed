"""The command line of Tapehouse and what it drives: local services, demo, status, verify, sql."""
