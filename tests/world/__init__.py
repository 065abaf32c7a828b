"""One seeded world: vendors, people, faults and the whole bridge between them, out of one number, and laws that judge what came of it.

`python -m tests.world --seeds 2000` lives so many of them. Who judges (`laws`) reads a history and knows nothing of the code.
"""
