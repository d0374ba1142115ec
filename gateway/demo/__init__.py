"""Everything on one machine with one command: real servers, Caddy, a legacy app, a person who may log in."""
