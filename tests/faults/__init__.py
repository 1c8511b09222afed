"""Faults on the real programs and services: what `make prove` and `make prove-full` run."""
