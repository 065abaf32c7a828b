"""What the keepers of the code run beside it; nothing of it is part of the service."""
