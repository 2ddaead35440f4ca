"""Reading features online, with their status."""
