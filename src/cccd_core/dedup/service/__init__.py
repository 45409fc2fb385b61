"""A gallery that is asked by other processes, over a local socket: see `service.Service` and `server.serve`."""
