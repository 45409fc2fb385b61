"""Where the tasks of a search run: on the threads of this process."""
