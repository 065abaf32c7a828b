"""Makes the things out of settings: clock, ids, clients, the database as it is begun with, workers, a bridge; and runs it."""
