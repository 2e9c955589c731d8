"""What tests share: shops to act in, people who act, and ways to look. Each file says what it offers."""
