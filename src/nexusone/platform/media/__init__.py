"""Pictures, sound and films: judged by their bytes, made anew, turned into other files.

Nothing here believes what a file says of itself.
"""
