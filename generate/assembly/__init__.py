"""Which passages the generator sees, and how much of each, within an exact budget of tokens."""
