"""Figures from rows: each defined once, the same in JSON, CSV, spreadsheet and chart. Pure: what was read comes in as arguments."""
