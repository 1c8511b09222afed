"""The live page: one server that looks at the lakehouse, and any number of browsers that are told what changed."""
