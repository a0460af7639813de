"""The machine: cores, memory, and the resources that a job needs."""
