"""The numbers of all advisory locks of Postgres: they are one space for the whole database, so they stand together.

A fleet's versions share them, so a number never changes its meaning.
"""

from typing import Final

NAMES: Final = 4242  # who adds a person: a user name and an e-mail address are one name space
CHAIN: Final = 4243  # who links the audit log
EVENT_KIND: Final = 4244  # with a hash of the kind: who writes an entry only where the last one of its kind differs
UNKNOWN_NAME_KEYS: Final = 4245  # who makes the key of marks for unknown names
SIGNING_KEYS: Final = 4246  # who makes or ends keys that sign tokens
HOLDS: Final = 4247  # shared: who erases somebody; alone: who adds a hold
SYSTEM_KEYS: Final = 4249  # who makes a key of the installation
OWNERS: Final = 4260  # who may make an owner of the console vanish
DOCUMENTS: Final = 4261  # who publishes a document
PERIOD_KEYS: Final = 4250  # who makes the key of a month of the audit log
CONTROLS: Final = 4262  # who writes the results of a run of controls
LEADER: Final = 0x626173_6C656164  # "baslead": who does timed work
MIGRATOR: Final = 0x626173_74696F6E  # "bastion": who brings the schema to this version
