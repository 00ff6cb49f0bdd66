"""The page: a model at work in a browser, for those who can reach this machine. Needs the extra ``veggie-pl[app]``."""
