"""The console: pages at /admin on the auth host, for people with a role."""
