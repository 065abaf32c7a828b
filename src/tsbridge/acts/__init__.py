"""What people do and ask: plain functions with typed results and the domain's errors. API, console and command line call the same."""
