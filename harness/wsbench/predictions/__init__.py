"""What methods and external programs predicted: checked, stored and read back."""
