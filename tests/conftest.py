"""Makes this folder importable: ``world.py`` serves several rooms."""
