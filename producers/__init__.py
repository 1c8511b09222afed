"""Sources to Kafka: one file per vendor, whose names and quirks end there. No Spark."""
