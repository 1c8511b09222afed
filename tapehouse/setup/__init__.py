"""Set-up of a checkout, by the machine's own Python and the standard library alone."""
