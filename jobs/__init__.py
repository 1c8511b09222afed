"""One file per Spark program: parse the arguments, read, transform, write."""
