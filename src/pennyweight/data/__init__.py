"""Tables in, a cleaned catalogue and event log out: `read`, then `split`."""
