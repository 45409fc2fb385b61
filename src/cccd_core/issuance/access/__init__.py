"""Who may do what: roles, the accounts that act, and the same as rights in a server."""
