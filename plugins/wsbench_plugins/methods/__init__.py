"""Built-in methods, one module or package each."""
