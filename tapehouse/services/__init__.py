"""Kafka, the S3 store and PostgreSQL as local processes on loopback."""
