"""Pure DataFrame functions, the same for the stream and for batch jobs, in the order of the flow."""
