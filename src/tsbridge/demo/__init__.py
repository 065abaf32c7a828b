"""What `tsbridge demo` shows: a weekend of incidents against simulated vendors."""
