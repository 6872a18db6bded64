"""Content tasks: what each is given, the rules it is written by, the shape of its answer, and what is checked of it."""
