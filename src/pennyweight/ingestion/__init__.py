"""Events from files and standard input into a running service, each once."""
