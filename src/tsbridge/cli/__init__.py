"""The commands, a module per group. They use the store directly and print no personal data."""
