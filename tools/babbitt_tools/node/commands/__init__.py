"""`babbitt node ...`: one module a command."""
