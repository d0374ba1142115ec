"""What the people who run Bastion do in its console, and by commands that do the same."""
