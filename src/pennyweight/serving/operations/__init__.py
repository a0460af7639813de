"""Work of an operator on the folder of a service: backups, checks, refits."""
