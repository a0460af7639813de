"""Tables in, a cleaned catalog and event log out: `read`, then `split`."""
