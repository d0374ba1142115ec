"""How surely a person is who they say: what was proven and when, what is asked for, and what would meet it."""
