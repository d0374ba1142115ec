"""The console of those who run Bastion: who may do what, and which settings they may change while it runs."""
