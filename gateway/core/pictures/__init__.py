"""What the console draws of numbers."""
