"""Reading the lake and learning from it, with libraries that only the analytics layer holds."""
