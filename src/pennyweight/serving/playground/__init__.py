"""The playground: the demo shop, served to simulated readers and to a person."""
