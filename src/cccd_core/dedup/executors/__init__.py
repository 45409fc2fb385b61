"""Where the tasks of a search run: on threads, in processes, on a cluster. An executor knows tasks, and no fingers."""
