"""What `tapehouse metrics` measures: one part of the pipeline a file, each looked at by itself."""
