from hypothesis import settings

# A first call may compile, load or wait for a busy machine: no test here is about speed.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
