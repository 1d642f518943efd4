"""Built-in metrics, one module or package each."""
